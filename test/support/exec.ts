import { Exec, KubeConfig } from '@kubernetes/client-node';
import type { Kube } from '../../scripts/lib/kube/client.js';

const STREAM = { stdin: 0, stdout: 1, stderr: 2, status: 3 } as const;

/** One side of a command that runs in a pod: what the API server would send. */
export interface FakeCommand {
  /** The words of the command. */
  readonly command: readonly string[];
  /** Sends output. @returns whether the client still wants more */
  out(text: string | Buffer): void;
  err(text: string): void;
  /** Ends the command. */
  exit(code: number): void;
  /** Breaks the connection. */
  drop(): void;
  /** What has come to its standard input so far. */
  input(): Buffer;
  readonly socket: { paused: boolean; terminated: boolean; bufferedAmount: number };
}

/** The client's own exec over a connection that is not there. */
export function fakeExec(
  act: (command: FakeCommand) => void | Promise<void>,
  refuse?: Error,
): Pick<Kube, 'exec'> & { started: FakeCommand[] } {
  const started: FakeCommand[] = [];
  type Connect = Exec['handler']['connect'];
  const connect: Connect = async (path, _text, binary) => {
    if (refuse !== undefined) throw refuse;
    const state = { paused: false, terminated: false, bufferedAmount: 0 };
    const received: Buffer[] = [];
    const send = (stream: number, content: Buffer): void => {
      if (!state.terminated) binary?.(stream, content);
    };
    const socket = {
      onclose: null as ((event: { code: number; reason: string }) => void) | null,
      pause: () => {
        state.paused = true;
      },
      resume: () => {
        state.paused = false;
      },
      terminate: () => {
        state.terminated = true;
      },
      close: () => undefined,
      send: (message: Buffer) => {
        if (message[0] === STREAM.stdin) received.push(message.subarray(1));
      },
      get bufferedAmount() {
        return state.bufferedAmount;
      },
    };
    const command: FakeCommand = {
      command: new URL(path, 'http://pod.invalid').searchParams.getAll('command'),
      out: (text) => send(STREAM.stdout, Buffer.from(text)),
      err: (text) => send(STREAM.stderr, Buffer.from(text)),
      exit: (code) => {
        const status = code === 0 ? { status: 'Success' } : { status: 'Failure', message: `command terminated with exit code ${code}` };
        send(STREAM.status, Buffer.from(JSON.stringify(status)));
      },
      input: () => Buffer.concat(received),
      drop: () => socket.onclose?.({ code: 1006, reason: '' }),
      socket: state,
    };
    started.push(command);
    setTimeout(() => void act(command), 1);
    return socket as unknown as Awaited<ReturnType<Connect>>;
  };
  return { exec: async () => new Exec(new KubeConfig(), { connect }), started };
}
