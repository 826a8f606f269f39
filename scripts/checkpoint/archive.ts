import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import * as tar from 'tar';
import * as z from 'zod';
import { messageOf, ToolkitError } from '../lib/core/errors.js';

/** What every checkpoint archive holds (https://github.com/checkpoint-restore/checkpointctl names the parts). */
const REQUIRED = ['spec.dump', 'config.dump', 'checkpoint/inventory.img'];
const PAGES = /^checkpoint\/pages-\d+\.img$/;

const configDump = z.looseObject({
  id: z.string(),
  name: z.string(),
  rootfsImageName: z.string().optional(),
  rootfsImage: z.string().optional(),
});

const specDump = z.looseObject({ annotations: z.record(z.string(), z.string()).optional() });

/** What a checkpoint archive says of itself. */
export interface ArchiveContent {
  /** Names of its files, sorted. */
  readonly files: readonly string[];
  /** Sum of the files' sizes, bytes. */
  readonly bytes: number;
  readonly image: string;
  /** ID of the container. */
  readonly id: string;
  /** Name of the container, as the runtime has it. */
  readonly name: string;
  readonly pod: string | undefined;
  readonly namespace: string | undefined;
  readonly container: string | undefined;
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
  const texts = new Map<string, Buffer[]>();
  try {
    await readTar(file, onPiece, {
      strict: true,
      onReadEntry(entry) {
        const name = entry.path.replace(/^\.\//, '');
        if (entry.type === 'File') sizes.set(name, entry.size);
        if (name === 'config.dump' || name === 'spec.dump') {
          const chunks: Buffer[] = [];
          texts.set(name, chunks);
          entry.on('data', (chunk) => chunks.push(Buffer.from(chunk)));
        }
        entry.resume();
      },
    });
  } catch (error) {
    throw new ToolkitError('the checkpoint archive is not a whole tar file', {
      details: [file, messageOf(error)],
    });
  }
  const missing = REQUIRED.filter((name) => !sizes.has(name));
  if (![...sizes.keys()].some((name) => PAGES.test(name))) missing.push('checkpoint/pages-*.img');
  if (missing.length > 0) throw new ToolkitError(`the checkpoint archive lacks ${missing.join(', ')}`, { details: [file] });

  const config = parse(texts.get('config.dump'), configDump, 'config.dump', file);
  const { annotations = {} } = parse(texts.get('spec.dump'), specDump, 'spec.dump', file);
  return {
    files: [...sizes.keys()].sort(),
    bytes: [...sizes.values()].reduce((sum, size) => sum + size, 0),
    image: config.rootfsImageName ?? config.rootfsImage ?? '',
    id: config.id,
    name: config.name,
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
