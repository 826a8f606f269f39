import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import { type Readable, Transform, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { archiveFolder } from '../lib/cluster/kubelet.js';
import { Node, shell } from '../lib/cluster/node.js';
import type { ContainerRef } from '../lib/cluster/pod.js';
import type { Context } from '../lib/core/context.js';
import { UsageError } from '../lib/core/errors.js';
import { sha256OfFile } from '../lib/core/hash.js';
import type { Kube } from '../lib/kube/client.js';
import { ConnectionLostError, collector, execInPod } from '../lib/kube/exec.js';
import { type Helper, withHelperPod } from '../lib/kube/helper-pod.js';
import type { NodeReach } from '../lib/kube/reach.js';
import { bringArchive } from './node-archive.js';

/** How to get at a node's files: of a kind node through Docker, of any node through a pod. */
export const fetchWays = ['auto', 'docker', 'pod'] as const;
export type FetchWay = (typeof fetchWays)[number];

/** What was written to a local file. */
export interface Brought {
  readonly bytes: number;
  readonly sha256: string;
}

/** The checkpoint folder of a node. */
export interface Folder {
  readonly by: 'docker' | 'pod';
  readonly node: string;
  /** Runs a command where the folder is seen under its own path. @returns its standard output */
  run(command: readonly string[]): Promise<string>;
  /**
   * Brings a file to the local path `target`, mode 0600 from the beginning.
   * @param onBytes told how many bytes have arrived so far
   * @param from so many bytes are there already, of an attempt that broke off
   * @throws ConnectionLostError when it may go on from where it was
   */
  bring(file: string, target: string, onBytes: (bytes: number) => void, from?: number): Promise<Brought>;
  /**
   * Appends what comes from a stream to a file, which is made for root alone where there is none.
   * @param bytes how much comes
   * @throws ConnectionLostError when it may go on from where it was
   */
  append(file: string, content: Readable, bytes: number): Promise<void>;
  /** Removes files, also when the run is being stopped. Needs a folder that is writable, as `append` does. */
  discard(...files: readonly string[]): Promise<void>;
}

/** How often the size of a file that Docker writes is looked at, milliseconds. */
const LOOK_MS = 250;
/** How long a removal may take while the run is being stopped, milliseconds. */
const DISCARD_MS = 10_000;

/**
 * Appends so many bytes of standard input, whose end it may not be told. The shell stays, and with it the standard output: when that
 * ends, containerd closes the input too, be it read to its end or not.
 */
const append = (file: string, bytes: number): string[] =>
  shell({ text: 'umask 077; head -c "$2" >>"$1" || exit', args: [file, String(bytes)] });

/**
 * Does something with the checkpoint folder of a node.
 * @throws UsageError when Docker is asked for and does not have the node
 */
export async function withFolder<T>(
  ctx: Context,
  kube: Kube,
  reach: NodeReach,
  { way, ...helper }: Omit<Helper, 'node'> & { readonly way: FetchWay },
  act: (folder: Folder) => Promise<T>,
): Promise<T> {
  if (way === 'docker' && reach.kind === undefined)
    throw new UsageError(`node ${reach.name} cannot be reached through Docker: ${reach.why}`, {
      hint: 'Leave --fetch out, or: --fetch pod',
    });
  if (way !== 'pod' && reach.kind !== undefined) return act(dockerFolder(ctx, reach.name));
  return withHelperPod(ctx, kube, { node: reach.name, ...helper }, (pod) => act(podFolder(ctx, kube, reach.name, pod)));
}

function podFolder(ctx: Pick<Context, 'signal'>, kube: Kube, node: string, pod: ContainerRef): Folder {
  return {
    by: 'pod',
    node,
    async run(command) {
      const output = collector();
      await execInPod(kube, pod, command, output.stream, ctx.signal);
      return output.text();
    },
    async bring(file, target, onBytes, from = 0) {
      const { stream, done } = await fileSink(target, onBytes, from);
      const command = from === 0 ? ['cat', file] : ['tail', '-c', `+${from + 1}`, file];
      // Both to their ends, so that all that arrived is written; whichever fails first ends the other.
      const [written, sent] = await Promise.allSettled([
        done,
        execInPod(kube, pod, command, stream, ctx.signal).catch((error: Error) => {
          if (error instanceof ConnectionLostError) stream.end();
          else stream.destroy(error);
          throw error;
        }),
      ]);
      if (sent.status === 'rejected') throw sent.reason;
      if (written.status === 'rejected') throw written.reason;
      return written.value;
    },
    append: (file, content, bytes) => execInPod(kube, pod, append(file, bytes), collector().stream, ctx.signal, content),
    discard: (...files) => execInPod(kube, pod, ['rm', '-f', ...files], collector().stream, AbortSignal.timeout(DISCARD_MS)),
  };
}

function dockerFolder(ctx: Pick<Context, 'runner' | 'cleanupRunner'>, name: string): Folder {
  const node = new Node(ctx.runner, name);
  return {
    by: 'docker',
    node: name,
    run: async (command) => (await node.run(command)).stdout,
    async bring(file, target, onBytes) {
      const timer = setInterval(() => {
        stat(target).then(
          ({ size }) => onBytes(size),
          () => undefined,
        );
      }, LOOK_MS);
      try {
        // The file comes with the mode that it has on the node: 0600.
        await bringArchive(node, file, target);
      } finally {
        clearInterval(timer);
      }
      const { size } = await stat(target);
      onBytes(size);
      return { bytes: size, sha256: await sha256OfFile(target) };
    },
    async append(file, content, bytes) {
      await node.run(append(file, bytes), { inputStream: content, failure: `the archive could not be written on node ${name}` });
    },
    discard: (...files) => new Node(ctx.cleanupRunner, name).remove(...files),
  };
}

/**
 * A stream into a file, which counts and hashes what goes through.
 * @param from so many bytes are in the file already; else it must be new
 */
async function fileSink(
  target: string,
  onBytes: (bytes: number) => void,
  from: number,
): Promise<{ stream: Writable; done: Promise<Brought> }> {
  const hash = createHash('sha256');
  if (from > 0) for await (const chunk of createReadStream(target)) hash.update(chunk as Buffer);
  // An attempt that broke off at once leaves an empty one.
  else await rm(target, { force: true });
  let bytes = from;
  const stream = new Transform({
    writableHighWaterMark: 1024 * 1024,
    transform(chunk: Buffer, _encoding, next) {
      hash.update(chunk);
      bytes += chunk.length;
      onBytes(bytes);
      next(null, chunk);
    },
  });
  const file = createWriteStream(target, { flags: from > 0 ? 'a' : 'wx', mode: 0o600 });
  const done = pipeline(stream, file).then(() => ({ bytes, sha256: hash.digest('hex') }));
  return { stream, done };
}

/** Size and SHA-256 of a file on its node. */
export async function sumOnNode(folder: Folder, file: string): Promise<Brought> {
  const [size, sum] = await Promise.all([folder.run(['stat', '-c', '%s', file]), folder.run(['sha256sum', file])]);
  return { bytes: Number(size.trim()), sha256: sum.replace(/^\\/, '').slice(0, 64) };
}

/** Path of an archive in the folder. */
export const inFolder = (name: string): string => `${archiveFolder}/${name}`;
