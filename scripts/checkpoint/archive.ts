import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import * as tar from 'tar';
import * as z from 'zod';
import { messageOf, ToolkitError } from '../lib/core/errors.js';

/** What is read of an archive. */
const READ = ['config.dump', 'spec.dump', 'pod.dump'];
/** What every checkpoint archive holds (https://github.com/checkpoint-restore/checkpointctl names the parts). */
const REQUIRED = ['spec.dump', 'config.dump', 'checkpoint/inventory.img'];
const PAGES = /^checkpoint\/pages-\d+\.img$/;

const configDump = z.looseObject({
  id: z.string(),
  name: z.string(),
  rootfsImageName: z.string().optional(),
  rootfsImage: z.string().optional(),
  rootfsImageRef: z.string().optional(),
});

/** More than any of these parts takes: an archive may come from anybody. Bytes. */
const MOST_BYTES = 16 * 1024 * 1024;
/** The first part of CRIU's images of a process, which tells its machine. */
const CORE = /^checkpoint\/core-\d+\.img$/;
const CORE_HEAD_BYTES = 32;

const specDump = z.looseObject({ annotations: z.record(z.string(), z.string()).optional() });

/** What a checkpoint archive says of itself. */
export interface ArchiveContent {
  /** Names of its files, sorted. */
  readonly files: readonly string[];
  /** Sum of the files' sizes, bytes. */
  readonly bytes: number;
  readonly image: string;
  /** How the runtime that made it looks the image up, to restore from it: by a digest. Empty where it does not say. */
  readonly imageRef: string;
  /** ID of the container. */
  readonly id: string;
  /** Name of the container, as the runtime has it. */
  readonly name: string;
  readonly pod: string | undefined;
  readonly namespace: string | undefined;
  readonly container: string | undefined;
  /** The pod as the API had it, as JSON; undefined: the kubelet that had it made does not put it in. */
  readonly podDump: string | undefined;
  /** Of the processes, as Go names it; undefined: it cannot be told. */
  readonly architecture: string | undefined;
}

/** CRIU's numbers of machines (images/core.proto, march), by Go's names of them. */
const MACHINES: ReadonlyMap<number, string> = new Map([
  [1, 'amd64'],
  [2, 'arm'],
  [3, 'arm64'],
  [4, 'ppc64le'],
  [5, 's390x'],
  [7, 'loong64'],
  [8, 'riscv64'],
]);
/** Where the number is: behind two magic numbers and the size of the entry, as its first field. */
const MACHINE_AT = 12;
const MACHINE_FIELD = 1 << 3;

/** The machine of a process, from the beginning of its core image. @returns undefined when that tells none that is known */
export function architectureOf(core: Uint8Array): string | undefined {
  return core[MACHINE_AT] === MACHINE_FIELD ? MACHINES.get(core[MACHINE_AT + 1] ?? 0) : undefined;
}

/** Archives are read in pieces of this size, bytes. */
const PIECE_BYTES = 1024 * 1024;

/**
 * Reads a checkpoint archive from beginning to end.
 * @param onPiece gets all of its bytes on the way, piece by piece
 * @throws ToolkitError when it is cut off or lacks a part
 */
export async function readArchive(file: string, onPiece: (piece: Buffer) => void = () => undefined): Promise<ArchiveContent> {
  const sizes = new Map<string, number>();
  const kept = new Map<string, Buffer[]>();
  let core: string | undefined;
  try {
    await readTar(file, onPiece, {
      strict: true,
      onReadEntry(entry) {
        const name = entry.path.replace(/^\.\//, '');
        if (entry.type === 'File') sizes.set(name, entry.size);
        if (core === undefined && CORE.test(name)) core = name;
        const most = name === core ? CORE_HEAD_BYTES : READ.includes(name) ? MOST_BYTES : 0;
        if (most > 0) keep(entry, kept, name, most);
        entry.resume();
      },
    });
  } catch (error) {
    throw new ToolkitError('the checkpoint archive is not a whole tar file', {
      details: [file, messageOf(error)],
      cause: error,
    });
  }
  const missing = REQUIRED.filter((name) => !sizes.has(name));
  if (![...sizes.keys()].some((name) => PAGES.test(name))) missing.push('checkpoint/pages-*.img');
  if (missing.length > 0) throw new ToolkitError(`the checkpoint archive lacks ${missing.join(', ')}`, { details: [file] });

  const config = parse(kept.get('config.dump'), configDump, 'config.dump', file);
  const spec = parse(kept.get('spec.dump'), specDump, 'spec.dump', file);
  return {
    files: [...sizes.keys()].sort(),
    bytes: [...sizes.values()].reduce((sum, size) => sum + size, 0),
    ...identity(spec, config),
    imageRef: config.rootfsImageRef ?? '',
    id: config.id,
    name: config.name,
    podDump: kept.has('pod.dump') ? Buffer.concat(kept.get('pod.dump') ?? []).toString('utf8') : undefined,
    architecture: core === undefined ? undefined : architectureOf(Buffer.concat(kept.get(core) ?? [])),
  };
}

/** Keeps the beginning of an entry. */
function keep(entry: tar.ReadEntry, kept: Map<string, Buffer[]>, name: string, mostBytes: number): void {
  const chunks: Buffer[] = [];
  kept.set(name, chunks);
  let left = mostBytes;
  entry.on('data', (chunk) => {
    if (left > 0) chunks.push(Buffer.from(chunk.subarray(0, left)));
    left -= chunk.length;
  });
}

/** What spec.dump and config.dump say of a container, as {@link readArchive} has it. @throws ToolkitError when they are none */
export function identityIn(spec: string, config: string, file: string): Pick<ArchiveContent, 'image' | 'pod' | 'namespace' | 'container'> {
  return identity(parse([Buffer.from(spec)], specDump, 'spec.dump', file), parse([Buffer.from(config)], configDump, 'config.dump', file));
}

function identity(
  { annotations = {} }: z.infer<typeof specDump>,
  config: z.infer<typeof configDump>,
): Pick<ArchiveContent, 'image' | 'pod' | 'namespace' | 'container'> {
  return {
    image: config.rootfsImageName ?? config.rootfsImage ?? '',
    pod: annotations['io.kubernetes.cri.sandbox-name'],
    namespace: annotations['io.kubernetes.cri.sandbox-namespace'],
    container: annotations['io.kubernetes.cri.container-name'],
  };
}

/** Reads a tar file, and hands on all that is read. @throws what the parser does not like, or the reason why it cannot be read */
async function readTar(
  file: string,
  onPiece: (piece: Buffer) => void,
  options: ConstructorParameters<typeof tar.Parser>[0],
): Promise<void> {
  const parser = new tar.Parser(options);
  const parsed = new Promise<void>((resolve, reject) => {
    parser.on('end', () => resolve());
    parser.on('error', reject);
  });
  // Whoever fails first is told; the other's failure comes of it.
  parsed.catch(() => undefined);
  for await (const piece of createReadStream(file, { highWaterMark: PIECE_BYTES }) as AsyncIterable<Buffer>) {
    onPiece(piece);
    if (!parser.write(piece)) await Promise.race([once(parser, 'drain'), parsed]);
  }
  parser.end();
  await parsed;
}

function parse<T>(chunks: Buffer[] | undefined, schema: z.ZodType<T>, name: string, file: string): T {
  const text = Buffer.concat(chunks ?? []).toString('utf8');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new ToolkitError(`${name} in the checkpoint archive is not JSON`, { details: [file] });
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success)
    throw new ToolkitError(`${name} in the checkpoint archive is not what a runtime writes`, {
      details: [file, ...z.prettifyError(parsed.error).split('\n')],
    });
  return parsed.data;
}

/** Permission bits of a file. */
export async function modeOf(file: string): Promise<number> {
  return (await stat(file)).mode & 0o777;
}
