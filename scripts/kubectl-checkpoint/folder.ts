import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Transform, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { bringArchive } from '../checkpoint/node-archive.js';
import { archiveFolder } from '../lib/cluster/kubelet.js';
import { Node } from '../lib/cluster/node.js';
import type { Context } from '../lib/core/context.js';
import { UsageError } from '../lib/core/errors.js';
import { sha256OfFile } from '../lib/core/hash.js';
import type { Kube } from '../lib/kube/client.js';
import { collector, execInPod } from '../lib/kube/exec.js';
import { type Helper, withHelperPod } from '../lib/kube/helper-pod.js';
import type { NodeReach } from '../lib/kube/reach.js';
import type { FetchWay } from './flags.js';

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
   */
  bring(file: string, target: string, onBytes: (bytes: number) => void): Promise<Brought>;
}

/** How often the size of a file that Docker writes is looked at, milliseconds. */
const LOOK_MS = 250;

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
  if (way !== 'pod' && reach.kind !== undefined) return act(dockerFolder(new Node(ctx.runner, reach.name)));
  return withHelperPod(ctx, kube, { node: reach.name, ...helper }, (pod) =>
    act({
      by: 'pod',
      node: reach.name,
      async run(command) {
        const output = collector();
        await execInPod(kube, pod, command, output.stream, ctx.signal);
        return output.text();
      },
      async bring(file, target, onBytes) {
        const { stream, done } = fileSink(target, onBytes);
        // Both at once; whichever fails first ends the other.
        const [brought] = await Promise.all([
          done,
          execInPod(kube, pod, ['cat', file], stream, ctx.signal).catch((error: Error) => {
            stream.destroy(error);
            throw error;
          }),
        ]);
        return brought;
      },
    }),
  );
}

function dockerFolder(node: Node): Folder {
  return {
    by: 'docker',
    node: node.name,
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
  };
}

/** A stream into a new file, which counts and hashes what goes through. */
function fileSink(target: string, onBytes: (bytes: number) => void): { stream: Writable; done: Promise<Brought> } {
  const hash = createHash('sha256');
  let bytes = 0;
  const stream = new Transform({
    writableHighWaterMark: 1024 * 1024,
    transform(chunk: Buffer, _encoding, next) {
      hash.update(chunk);
      bytes += chunk.length;
      onBytes(bytes);
      next(null, chunk);
    },
  });
  const done = pipeline(stream, createWriteStream(target, { flags: 'wx', mode: 0o600 })).then(() => ({
    bytes,
    sha256: hash.digest('hex'),
  }));
  return { stream, done };
}

/** Size and SHA-256 of a file on its node. */
export async function sumOnNode(folder: Folder, file: string): Promise<Brought> {
  const [size, sum] = await Promise.all([folder.run(['stat', '-c', '%s', file]), folder.run(['sha256sum', file])]);
  return { bytes: Number(size.trim()), sha256: sum.replace(/^\\/, '').slice(0, 64) };
}

/** Path of an archive in the folder. */
export const inFolder = (name: string): string => `${archiveFolder}/${name}`;
