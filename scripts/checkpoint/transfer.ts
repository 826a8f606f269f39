import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { shell } from '../lib/cluster/node.js';
import { formatBytes } from '../lib/core/bytes.js';
import type { Context } from '../lib/core/context.js';
import { ToolkitError } from '../lib/core/errors.js';
import { replace } from '../lib/core/files.js';
import { sha256OfFile } from '../lib/core/hash.js';
import { ConnectionLostError, NotStartedError } from '../lib/kube/exec.js';
import { type Brought, type Folder, inFolder, sumOnNode } from './node-folder.js';

/** Told how many bytes have arrived; ended in any case. */
export interface TransferProgress {
  (bytes: number): void;
  end(): void;
}

/** So often a transfer is tried while nothing more arrives. */
const ATTEMPTS = 6;
/** Before it goes on, milliseconds; twice as long each time that nothing has arrived. An API server that is restarted takes half a minute. */
const PAUSE_MS = 1000;

/**
 * Brings an archive from its node into a local file: complete, proven by size and SHA-256 taken on both sides, or not at all; and
 * readable by its owner alone, for it holds the memory of the process. When the connection breaks it goes on where it was.
 */
export async function fetchArchive(
  ctx: Pick<Context, 'clock' | 'signal'>,
  folder: Folder,
  archive: string,
  file: string,
  progressOf: (total: number) => TransferProgress,
): Promise<Brought> {
  const total = Number((await folder.run(['stat', '-c', '%s', archive])).trim());
  const progress = progressOf(total);
  let brought: Brought | undefined;
  try {
    await replace(file, async (temporary) => {
      const sizeOf = (): Promise<number> =>
        stat(temporary).then(
          ({ size }) => size,
          () => 0,
        );
      // Both to their ends, so that nothing writes any more to what is removed after a failure.
      const both = await Promise.allSettled([
        sumOnNode(folder, archive),
        goingOn(ctx, sizeOf, (from) => folder.bring(archive, temporary, progress, from), total),
      ]);
      const [there, here] = both.map((outcome) => {
        if (outcome.status === 'rejected') throw outcome.reason;
        return outcome.value;
      }) as [Brought, Brought];
      if (there.bytes !== here.bytes || there.sha256 !== here.sha256)
        throw mutilated(`it is still there: ${archive}`, `on ${folder.node}`, there, 'here', here);
      brought = here;
    });
  } finally {
    progress.end();
  }
  if (brought === undefined) throw new TypeError('the archive was neither brought nor refused');
  return brought;
}

/** Where an archive lies on its node. */
export interface Placed extends Brought {
  /** Its name in the checkpoint folder. */
  readonly name: string;
  /** False when it had been there. */
  readonly brought: boolean;
}

/** Prints the SHA-256 of a file, where it is as large as it should be, the size of what there is of it, and the room that is left. */
const STATE = `cd "$1" || exit 1
sum=-; [ "$(stat -c %s "$2" 2>/dev/null)" != "$4" ] || sum=$(sha256sum "$2") || exit 1
part=$(stat -c %s "$3" 2>/dev/null) || part=0
free=$(df -Pk . | tail -n 1 | tr -s ' ' | cut -d ' ' -f 4)
echo "\${sum%% *} $part $free"`;

/** What an archive is called in the checkpoint folder. */
export interface Names {
  /** Where it may lie already. */
  readonly usual: string;
  /** A name that is nobody else's, for one that has to be brought. */
  readonly copy: string;
}

/**
 * Brings a local file into a node's checkpoint folder: complete, proven by size and SHA-256, or not at all; for root alone. When the
 * connection breaks it goes on where it was, and so does the next run after one that was killed. A file that is there already under
 * its usual name is not brought again.
 */
export async function placeInFolder(
  ctx: Pick<Context, 'clock' | 'signal'>,
  folder: Folder,
  file: string,
  { usual, copy }: Names,
  progressOf: (total: number) => TransferProgress,
): Promise<Placed> {
  const { size: bytes } = await stat(file);
  const sha256 = await sha256OfFile(file);
  const whole: Brought = { bytes, sha256 };
  const part = `.${sha256.slice(0, 32)}.part`;
  const there = await stateOf(folder, usual, part, bytes);
  if (there.sha256 === sha256) return { ...whole, name: usual, brought: false };
  if (there.freeBytes < bytes - there.partBytes)
    throw new ToolkitError(`node ${folder.node} has no room for the archive`, {
      details: [`${formatBytes(bytes - there.partBytes)} are needed in ${inFolder('')}, ${formatBytes(there.freeBytes)} are free`],
      hint: 'kubectl checkpoint ls   shows the archives on it, kubectl checkpoint rm   removes them.',
    });
  const progress = progressOf(bytes);
  try {
    await append(ctx, folder, file, part, whole, progress);
    // A link takes nobody's place.
    await folder.run(shell({ text: 'cd "$1" && chmod 0600 "$2" && ln "$2" "$3" && rm -f "$2"', args: [inFolder(''), part, copy] }));
    return { ...whole, name: copy, brought: true };
  } catch (error) {
    await folder.discard(inFolder(part)).catch(() => undefined);
    throw error;
  } finally {
    progress.end();
  }
}

/** Appends what is missing, and compares. What an earlier run left may be of no use: then once more from the beginning. */
async function append(
  ctx: Pick<Context, 'clock' | 'signal'>,
  folder: Folder,
  file: string,
  part: string,
  whole: Brought,
  progress: TransferProgress,
  anew = false,
): Promise<void> {
  /** Where each attempt began. */
  const starts: number[] = [];
  const sizeOf = async (): Promise<number> => (await stateOf(folder, part, part, whole.bytes)).partBytes;
  await goingOn(
    ctx,
    sizeOf,
    async (start) => {
      starts.push(start);
      if (start < whole.bytes) await folder.append(inFolder(part), counted(file, start, progress), whole.bytes - start);
    },
    whole.bytes,
  );
  const there = await sumOnNode(folder, inFolder(part));
  if (there.bytes === whole.bytes && there.sha256 === whole.sha256) return;
  await folder.discard(inFolder(part));
  if (anew || starts.join() === '0') throw mutilated(`nothing was left on ${folder.node}`, 'here', whole, `on ${folder.node}`, there);
  await append(ctx, folder, file, part, whole, progress, true);
}

/** What is in a file from some place on. It counts what is taken, and nothing is lost while nobody takes. */
function counted(file: string, start: number, onBytes: (bytes: number) => void): Readable {
  let sent = start;
  const counter = new Transform({
    transform(chunk: Buffer, _encoding, next) {
      sent += chunk.length;
      onBytes(sent);
      next(null, chunk);
    },
  });
  // Its end and its errors are those of the counter, which whoever takes is told of.
  pipeline(createReadStream(file, { start, highWaterMark: 1024 * 1024 }), counter).catch(() => undefined);
  return counter;
}

interface State {
  /** Of the file, where its size is the one looked for. */
  readonly sha256: string;
  readonly partBytes: number;
  /** Of its file system; without end where that is not known. */
  readonly freeBytes: number;
}

async function stateOf(folder: Folder, name: string, part: string, bytes: number): Promise<State> {
  const printed = await folder.run(shell({ text: STATE, args: [inFolder(''), name, part, String(bytes)] }));
  const [sha256 = '-', partBytes = '0', freeKiB = ''] = printed.trim().split(' ');
  return { sha256, partBytes: Number(partBytes), freeBytes: /^\d+$/.test(freeKiB) ? Number(freeKiB) * 1024 : Number.POSITIVE_INFINITY };
}

/**
 * Carries on with a transfer as long as more arrives.
 * @param sizeOf how much has arrived
 * @param act goes on from there; a ConnectionLostError is a reason to try again
 * @param total how much it can become
 */
async function goingOn<T>(
  { clock, signal }: Pick<Context, 'clock' | 'signal'>,
  sizeOf: () => Promise<number>,
  act: (from: number) => Promise<T>,
  total: number,
): Promise<T> {
  let most = -1;
  let broken = false;
  for (let failed = 0; ; failed++) {
    try {
      // Never from where it was: what was under way when the connection broke may have arrived.
      const from = await sizeOf();
      if (from > most) failed = 0;
      most = Math.max(from, most);
      return await act(from);
    } catch (error) {
      // An API server that is starting refuses what it has allowed before.
      const passing = error instanceof ConnectionLostError || (broken && error instanceof NotStartedError);
      if (!passing || failed >= ATTEMPTS - 1 || most > total) throw error;
    }
    broken = true;
    await clock.sleep(PAUSE_MS * 2 ** failed, signal);
  }
}

function mutilated(end: string, one: string, there: Brought, other: string, here: Brought): ToolkitError {
  return new ToolkitError('the archive did not arrive as it was', {
    details: [`${one}: ${there.bytes} bytes, SHA-256 ${there.sha256}`, `${other}: ${here.bytes} bytes, SHA-256 ${here.sha256}`, end],
    hint: 'Was it overwritten meanwhile? Try again; or make another checkpoint.',
  });
}
