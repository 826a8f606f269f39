import { type Readable, Transform, Writable } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import type { Exec, V1Status } from '@kubernetes/client-node';
import type { ContainerRef } from '../cluster/pod.js';
import { messageOf, ToolkitError, tail } from '../core/errors.js';
import { hintFor, type Kube } from './client.js';

/** How long the API server may take to start a command, milliseconds. */
const OPENING_MS = 60_000;

/** What is used of the client library. */
type ExecClient = Pick<Exec, 'exec' | 'handler'>;

/** So many bytes may wait to be sent; then what is sent waits. */
const MOST_WAITING_BYTES = 4 * 1024 * 1024;
/** What is sent at once, bytes: as much as kubectl sends. */
const PIECE_BYTES = 32 * 1024;
/** How often it is looked whether they have gone, milliseconds. */
const DRAIN_POLL_MS = 10;

/** After so long without anything going out or coming in, what a command reads has got stuck: it may have ended early. Milliseconds. */
const STALL_MS = 60_000;

/** The connection broke, or none came about: what was sent may be sent again. */
export class ConnectionLostError extends ToolkitError {}

/** The API server did not let a command start. One that is starting itself says so to everybody for a while. */
export class NotStartedError extends ToolkitError {}

/** What is used of its web socket. */
interface Socket {
  readonly bufferedAmount: number;
  pause(): void;
  resume(): void;
  terminate(): void;
  onclose: ((event: { readonly code: number; readonly reason: string }) => void) | null;
}

/**
 * Runs a command in a pod; its output goes into `stdout`, which is ended with it. When that is slower than the network, the
 * network waits: nothing piles up in memory.
 * @param stdin what the command reads. Its end is not told – older API servers cannot –: the command must know how much comes
 * @throws ToolkitError with what the command said on its standard error (ConnectionLostError when the connection broke); the signal's
 * reason when that fires
 */
export async function execInPod(
  kube: Kube,
  { namespace, pod, container }: ContainerRef,
  command: readonly string[],
  stdout: Writable,
  signal: AbortSignal,
  stdin?: Readable,
  stallMs = STALL_MS,
): Promise<void> {
  signal.throwIfAborted();
  const exec = await kube.exec();
  signal.throwIfAborted();
  const stderr = collector();
  const failed = (what: string, details: readonly string[]): ToolkitError =>
    new ToolkitError(`${command[0]} in pod ${namespace}/${pod}: ${what}`, { details: [...details, ...tail(stderr.text(), 5)] });

  let socket: Socket | undefined;
  stdout.on('drain', () => socket?.resume());
  const ended = new AbortController();
  const feed = stdin === undefined ? null : inPieces();
  try {
    const status = await new Promise<V1Status>((resolve, reject) => {
      const until = { signal: ended.signal };
      signal.addEventListener('abort', () => reject(signal.reason), until);
      setTimeout(OPENING_MS, undefined, until).then(
        () => socket ?? reject(failed('could not be started', [`no answer within ${OPENING_MS / 1000} s`])),
        () => undefined,
      );
      stdout.once('error', reject);
      const opened = throttled(exec, stdout, () => socket).exec(
        namespace,
        pod,
        container,
        [...command],
        stdout,
        stderr.stream,
        feed,
        false,
        resolve,
      );
      opened.then(
        (made: Socket) => {
          socket = made;
          if (ended.signal.aborted) made.terminate();
          made.onclose = ({ code, reason }) =>
            reject(lost(failed('the connection was closed before its end', [`${code} ${reason}`.trim()])));
          if (stdin === undefined || feed === null) return;
          held(feed, made, ended.signal);
          stalled(feed, made, ended.signal, stallMs).then(
            () => reject(lost(failed('it takes no more', [`nothing has moved for ${stallMs / 1000} s`]))),
            () => undefined,
          );
          stdin.once('error', reject);
          stdin.pipe(feed, { end: false });
        },
        (error: unknown) => reject(refusal(error, failed)),
      );
    });
    if (status.status !== 'Success') throw failed('failed', [status.message ?? 'no reason given']);
    await finished(stdout);
  } finally {
    ended.abort();
    if (feed !== null) stdin?.unpipe(feed);
    stdin?.destroy();
    socket?.terminate();
  }
}

function inPieces(): Transform {
  return new Transform({
    transform(chunk: Buffer, _encoding, next) {
      for (let at = 0; at < chunk.length; at += PIECE_BYTES) this.push(chunk.subarray(at, at + PIECE_BYTES));
      next();
    },
  });
}

/** The client sends what comes without asking whether it went out. This holds it back while too much waits. */
function held(feed: Readable, socket: Socket, ended: AbortSignal): void {
  feed.on('data', async () => {
    if (feed.isPaused() || socket.bufferedAmount < MOST_WAITING_BYTES) return;
    feed.pause();
    while (!ended.aborted && socket.bufferedAmount >= MOST_WAITING_BYTES / 2) await setTimeout(DRAIN_POLL_MS);
    feed.resume();
  });
}

/** Comes back when nothing more is sent, or was to be sent, for a while. @throws when the command has ended */
async function stalled(feed: Readable, socket: Socket, ended: AbortSignal, stallMs: number): Promise<void> {
  let sent = 0;
  feed.on('data', () => {
    sent++;
  });
  for (let seen = ''; ; ) {
    const now = `${sent} ${socket.bufferedAmount}`;
    if (now === seen) return;
    seen = now;
    await setTimeout(stallMs, undefined, { signal: ended });
  }
}

const lost = ({ message, details, hint, cause }: ToolkitError): ConnectionLostError =>
  new ConnectionLostError(message, { details, hint, cause });

/** The client writes what arrives without asking whether there is room. This stops the socket when there is none. */
function throttled(client: ExecClient, stdout: Writable, socket: () => Socket | undefined): ExecClient {
  const connect = client.handler.connect.bind(client.handler);
  const exec = Object.create(client) as ExecClient;
  exec.handler = {
    connect: (path, text, binary) =>
      connect(
        path,
        text,
        binary === null
          ? null
          : (stream, bytes) => {
              const goOn = binary(stream, bytes);
              if (stdout.writableNeedDrain) socket()?.pause();
              return goOn;
            },
      ),
  };
  return exec;
}

/** An upgrade that the API server refuses comes as an error of the socket, with the status in its text alone. */
function refusal(error: unknown, failed: (what: string, details: readonly string[]) => ToolkitError): ToolkitError {
  const message = messageOf((error as { error?: unknown }).error ?? (error as { message?: unknown }).message ?? error);
  const status = Number(/Unexpected server response: (\d+)/.exec(message)?.[1]);
  const plain = failed('could not be started', [message]);
  const Kind = Number.isNaN(status) || status >= 500 ? ConnectionLostError : NotStartedError;
  return new Kind(plain.message, { details: plain.details, hint: hintFor(status), cause: error });
}

async function finished(stream: Writable): Promise<void> {
  if (stream.writableFinished) return;
  if (!stream.writableEnded) stream.end();
  await new Promise<void>((resolve, reject) => {
    stream.once('finish', resolve);
    stream.once('error', reject);
  });
}

/** A stream that keeps what is written to it. */
export function collector(): { readonly stream: Writable; text(): string } {
  const chunks: Buffer[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(chunk);
      done();
    },
  });
  return { stream, text: () => Buffer.concat(chunks).toString('utf8') };
}
