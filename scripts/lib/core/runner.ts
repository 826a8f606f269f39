import { setMaxListeners } from 'node:events';
import { createWriteStream, existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import type { Writable } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { type Options as ExecaOptions, execa } from 'execa';
import { CommandError } from './errors.js';
import { wholeLines } from './lines.js';
import { shellWord, withoutPassword } from './shell.js';
import { supervised } from './supervise.js';

export interface RunOptions {
  readonly cwd?: string;
  /** Added to the environment of the run; `undefined` removes a variable. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Text for standard input; none by default. */
  readonly input?: string;
  /** A file for standard input. */
  readonly inputFile?: string;
  /** Standard output goes into this file (created) and is not kept. */
  readonly stdoutFile?: string;
  /** The whole output is appended here, after the command itself. */
  readonly log?: string | undefined;
  /** Milliseconds after which the command is ended. */
  readonly timeoutMs?: number;
  /** Exit codes beside 0 that are an answer, not a failure. `true`: all. */
  readonly accept?: readonly number[] | true;
  /** Headline of the error, e.g. "CRIU does not build". */
  readonly failure?: string;
  /** What to do when it fails. */
  readonly hint?: string;
  /** Called with the last line of each piece of output while the command runs. */
  readonly onLine?: ((line: string) => void) | undefined;
  /** Called with every line of output while the command runs. */
  readonly onEachLine?: ((line: string) => void) | undefined;
  /** Lines that tell progress and would hide what matters in an error: they go to the log alone. */
  readonly isProgress?: ((line: string) => boolean) | undefined;
  /** Called with the last line of each piece of output; what it returns is typed on standard input. */
  readonly reply?: (line: string) => string | undefined;
  /** The command talks to the terminal itself (kubectl exec -it, an editor). */
  readonly interactive?: boolean;
}

export interface RunResult {
  /** Without the final newline. */
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

/** Starts processes. The only one outside tests is made by {@link createRunner}. */
export interface Runner {
  /** Runs a command to its end. @throws CommandError unless its exit code is 0 or accepted */
  run(file: string, args: readonly string[], options?: RunOptions): Promise<RunResult>;
}

/** How long an ended command may take to go before it is killed, milliseconds. */
const GRACE_MS = 5000;
/** The exit code of a command that was ended by its timeout, where every exit code is accepted; as timeout(1) has it. */
export const TIMED_OUT = 124;
const MAX_OUTPUT = 64 * 1024 * 1024;

/** A command line that can be pasted into a shell. */
export function commandLine(file: string, args: readonly string[], { cwd, env }: Pick<RunOptions, 'cwd' | 'env'> = {}): string {
  const assignments = Object.entries(env ?? {}).flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${shellWord(value)}`]));
  const line = [...assignments, ...[file, ...args].map(shellWord)].join(' ');
  return cwd === undefined ? line : `cd ${shellWord(cwd)} && ${line}`;
}

/** What git sets for its hooks: with these in force, git would work on the repository around the run instead of the one meant. */
const OF_THE_HOOK = new Set([
  'GIT_DIR',
  'GIT_WORK_TREE',
  'GIT_INDEX_FILE',
  'GIT_COMMON_DIR',
  'GIT_OBJECT_DIRECTORY',
  'GIT_NAMESPACE',
  'GIT_PREFIX',
]);

/**
 * The process runner. Each command gets a process group of its own, and the group is ended when the signal fires:
 * nothing that a command started outlives the run.
 */
export function createRunner({ signal, env = process.env }: { signal: AbortSignal; env?: NodeJS.ProcessEnv }): Runner {
  // Each command at work listens, and there may be many at a time.
  setMaxListeners(0, signal);
  const base = Object.fromEntries(Object.entries(env).filter(([name]) => !OF_THE_HOOK.has(name)));
  return { run: (file, args, options = {}) => runCommand(file, args, options, signal, base) };
}

async function runCommand(
  file: string,
  args: readonly string[],
  options: RunOptions,
  signal: AbortSignal,
  baseEnv: NodeJS.ProcessEnv,
): Promise<RunResult> {
  signal.throwIfAborted();
  const { cwd, interactive = false, log, onLine, accept = [], timeoutMs } = options;
  // It goes into logs and errors.
  const command = withoutPassword(commandLine(file, args, options));
  // sudo knows its user by the terminal, which a session of its own would not have.
  const detached = !interactive && file !== 'sudo';
  const root = !interactive && file === 'sudo' && args[0] === '--';
  const watched = root && options.input === undefined && options.inputFile === undefined;
  const execaOptions: ExecaOptions = {
    ...(cwd === undefined ? {} : { cwd }),
    env: { ...baseEnv, ...options.env },
    extendEnv: false,
    reject: false,
    detached,
    maxBuffer: MAX_OUTPUT,
    ...(interactive
      ? { stdio: 'inherit' as const }
      : {
          ...standardInput(options, watched),
          ...(options.stdoutFile === undefined ? {} : { stdout: { file: options.stdoutFile }, buffer: { stdout: false, stderr: true } }),
        }),
  };
  const child = execa(file, root ? (watched ? supervised(args) : ['-n', ...args]) : args, execaOptions);

  const endGroup = watched ? superviserOf(child.stdin) : groupKiller(child.pid, detached);
  signal.addEventListener('abort', endGroup.soft);
  // The timeout of execa ends the command alone, and then waits for as long as something that it started holds its output open.
  let timedOut = false;
  const timer =
    timeoutMs === undefined
      ? undefined
      : setTimeout(() => {
          timedOut = true;
          endGroup.soft();
        }, timeoutMs);
  const sink = log === undefined ? undefined : openLog(log, command);
  for (const stream of [child.stdout, child.stderr]) {
    if (stream === null || stream === undefined) continue;
    // What goes into a file is content, not a message.
    if (stream === child.stdout && options.stdoutFile !== undefined) continue;
    if (sink !== undefined) stream.on('data', (chunk: Buffer) => sink.write(chunk));
    if (onLine !== undefined) stream.on('data', (chunk: Buffer) => reportLastLine(chunk, onLine));
    if (options.onEachLine !== undefined) stream.on('data', wholeLines(options.onEachLine));
    const { reply } = options;
    if (reply !== undefined)
      stream.on('data', (chunk: Buffer) =>
        reportLastLine(chunk, (line) => {
          const answer = reply(line);
          if (answer !== undefined) child.stdin?.write(answer);
        }),
      );
  }
  try {
    const result = await child;
    if (signal.aborted) throw signal.reason;
    const stdout = typeof result.stdout === 'string' ? result.stdout : '';
    const stderr = typeof result.stderr === 'string' ? result.stderr : '';
    const exitCode = result.exitCode;
    const accepted = accept === true ? exitCode !== undefined : [0, ...accept].includes(exitCode ?? -1);
    if (timedOut && accept === true) return { stdout, stderr, exitCode: TIMED_OUT };
    if (exitCode !== undefined && accepted && !timedOut) return { stdout, stderr, exitCode };
    const missing = 'code' in result && result.code === 'ENOENT' && (cwd === undefined || existsSync(cwd));
    const whole = [stdout, stderr, missing ? `${file}: command not found` : ''].filter(Boolean).join('\n');
    const output = whole
      .split('\n')
      .filter((line) => options.isProgress?.(line) !== true)
      .join('\n');
    throw new CommandError(command, exitCode, output === '' && exitCode === undefined ? (result.shortMessage ?? '') : output, {
      message: options.failure ?? `${path.basename(root ? (args[1] ?? file) : file)} failed`,
      outcome: timedOut
        ? `ended after ${(timeoutMs ?? 0) / 1000} s`
        : result.signal === undefined
          ? undefined
          : `killed by ${result.signal}`,
      hint: options.hint,
      log,
    });
  } finally {
    signal.removeEventListener('abort', endGroup.soft);
    clearTimeout(timer);
    endGroup.finish(signal.aborted || timedOut);
    if (sink !== undefined) await new Promise<void>((resolve) => sink.end(() => resolve()));
  }
}

/** Where a command that does not talk to the terminal reads from. */
function standardInput({ input, inputFile, reply }: RunOptions, watched: boolean): Pick<ExecaOptions, 'input' | 'stdin'> {
  if (watched || reply !== undefined) return { stdin: 'pipe' };
  if (input !== undefined) return { input };
  return { stdin: inputFile === undefined ? 'ignore' : { file: inputFile } };
}

function openLog(log: string, command: string): NodeJS.WritableStream {
  mkdirSync(path.dirname(log), { recursive: true });
  const sink = createWriteStream(log, { flags: 'a' });
  sink.write(`$ ${command}\n`);
  return sink;
}

function reportLastLine(chunk: Buffer, onLine: (line: string) => void): void {
  const lines = stripVTControlCharacters(chunk.toString('utf8'))
    .split(/[\r\n]+/)
    .map((line) => line.replaceAll(/[\p{Cc}\s]+/gu, ' ').trim())
    .filter(Boolean);
  const last = lines.at(-1);
  if (last !== undefined) onLine(last);
}

function groupKiller(pid: number | undefined, detached: boolean): { soft: () => void; finish: (ended: boolean) => void } {
  let timer: NodeJS.Timeout | undefined;
  const send = (name: NodeJS.Signals): void => {
    if (pid === undefined) return;
    try {
      process.kill(detached ? -pid : pid, name);
    } catch (error) {
      // EPERM: sudo itself, about to end with what it was given on standard input.
      if (!['ESRCH', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    }
  };
  return {
    soft: () => {
      send('SIGTERM');
      timer ??= setTimeout(() => send('SIGKILL'), GRACE_MS);
    },
    finish: (ended) => {
      clearTimeout(timer);
      // What the command left behind in its group must not live on when the command was ended.
      if (ended && detached) send('SIGKILL');
    },
  };
}

/** Ends a command that runs as root under {@link supervised}, which does the rest by itself. */
function superviserOf(stdin: Writable | null): ReturnType<typeof groupKiller> {
  // Its end may come first.
  stdin?.on('error', () => undefined);
  return { soft: () => stdin?.end(), finish: () => stdin?.destroy() };
}

/** True when a program of this name is on PATH. */
export async function hasProgram(runner: Runner, name: string): Promise<boolean> {
  const { exitCode } = await runner.run('sh', ['-c', 'command -v "$1"', 'sh', name], { accept: true });
  return exitCode === 0;
}

/** A runner with defaults for every command: the step's log, its live line. */
export function withDefaults(runner: Runner, defaults: RunOptions): Runner {
  return {
    run: (file, args, options = {}) => {
      const env = { ...defaults.env, ...options.env };
      return runner.run(file, args, { ...defaults, ...options, ...(Object.keys(env).length > 0 ? { env } : {}) });
    },
  };
}
