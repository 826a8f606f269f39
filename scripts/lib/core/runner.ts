import { setMaxListeners } from 'node:events';
import { createWriteStream, existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { type Options as ExecaOptions, execa, type Result, type ResultPromise } from 'execa';
import { endingByInput, endingOf, limited } from './ending.js';
import { CommandError } from './errors.js';
import { lastLines, wholeLines } from './lines.js';
import { shellWord, withoutPassword } from './shell.js';
import { supervised } from './supervise.js';

export interface RunOptions {
  readonly cwd?: string;
  /** Added to the environment of the run; `undefined` removes a variable. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Text for standard input; none by default. */
  readonly input?: string;
  /** What comes to standard input while the command runs. */
  readonly inputStream?: Readable;
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

/** What a runner's commands have in common. */
interface Run {
  readonly signal: AbortSignal;
  readonly atOnce: AbortSignal;
  readonly env: NodeJS.ProcessEnv;
}

const NEVER = new AbortController().signal;

/**
 * The process runner. Each command gets a process group of its own, and the group is ended when the signal fires:
 * nothing that a command started outlives the run.
 * @param how `signal` stops commands, with time to go; `atOnce` kills those at work, for a process that ends in the same moment
 */
export function createRunner({
  signal,
  atOnce = NEVER,
  env = process.env,
}: {
  signal: AbortSignal;
  atOnce?: AbortSignal;
  env?: NodeJS.ProcessEnv;
}): Runner {
  // Each command at work listens, and there may be many at a time.
  for (const heard of [signal, atOnce]) setMaxListeners(0, heard);
  const base = Object.fromEntries(Object.entries(env).filter(([name]) => !OF_THE_HOOK.has(name)));
  return { run: (file, args, options = {}) => runCommand(file, args, options, { signal, atOnce, env: base }) };
}

/** How a command is started. */
interface Start {
  /** Its arguments, as they are handed on. */
  readonly words: readonly string[];
  /** As root through sudo, see `asRoot`. */
  readonly asRoot: boolean;
  /** Under {@link supervised}, which ends it when its standard input ends. */
  readonly watched: boolean;
  /** In a process group of its own. */
  readonly detached: boolean;
}

function startOf(file: string, args: readonly string[], { interactive = false, input, inputStream, inputFile }: RunOptions): Start {
  const asRoot = !interactive && file === 'sudo' && args[0] === '--';
  const watched = asRoot && [input, inputStream, inputFile].every((given) => given === undefined);
  const unattended = watched ? supervised(args) : ['-n', ...args];
  // sudo knows its user by the terminal, which a session of its own would not have.
  return { words: asRoot ? unattended : args, asRoot, watched, detached: !interactive && file !== 'sudo' };
}

/** Runs one command: starts it, listens, ends it when it must, and says how it went. */
async function runCommand(file: string, args: readonly string[], options: RunOptions, run: Run): Promise<RunResult> {
  run.signal.throwIfAborted();
  const { log, timeoutMs } = options;
  const start = startOf(file, args, options);
  // It goes into logs and errors.
  const command = withoutPassword(commandLine(file, args, options));
  const child = execa(file, start.words, execaOptions(options, start, run.env));
  const ending = start.watched ? endingByInput(child.stdin) : endingOf(child.pid, { ownGroup: start.detached });
  const limits = limited(ending, { signal: run.signal, atOnce: run.atOnce, timeoutMs });
  const sink = log === undefined ? undefined : openLog(log, command);
  listen(child, options, sink);
  try {
    const result = await child;
    if (run.signal.aborted) throw run.signal.reason;
    const asked = { command, file, program: start.asRoot ? (args[1] ?? file) : file };
    return outcomeOf(result, asked, options, limits.timedOut());
  } finally {
    limits.finish();
    if (sink !== undefined) await new Promise<void>((resolve) => sink.end(() => resolve()));
  }
}

/** execa's own timeout is not used: it ends the command alone, and then waits for as long as something else holds its output open. */
function execaOptions(options: RunOptions, { watched, detached }: Start, env: NodeJS.ProcessEnv): ExecaOptions {
  const { cwd, interactive = false, stdoutFile } = options;
  return {
    ...(cwd === undefined ? {} : { cwd }),
    env: { ...env, ...options.env },
    extendEnv: false,
    reject: false,
    detached,
    maxBuffer: MAX_OUTPUT,
    ...(interactive
      ? { stdio: 'inherit' as const }
      : {
          ...standardInput(options, watched),
          ...(stdoutFile === undefined ? {} : { stdout: { file: stdoutFile }, buffer: { stdout: false, stderr: true } }),
        }),
  };
}

/** Where a command that does not talk to the terminal reads from. */
function standardInput({ input, inputStream, inputFile, reply }: RunOptions, watched: boolean): Pick<ExecaOptions, 'input' | 'stdin'> {
  if (watched || reply !== undefined) return { stdin: 'pipe' };
  if (input !== undefined) return { input };
  if (inputStream !== undefined) return { input: inputStream };
  return { stdin: inputFile === undefined ? 'ignore' : { file: inputFile } };
}

/** Hands a command's output on while it comes: to the log, to who wants to know, and to who types an answer. */
function listen(
  child: Pick<ResultPromise, 'stdin' | 'stdout' | 'stderr'>,
  { onLine, onEachLine, reply, stdoutFile }: RunOptions,
  sink: NodeJS.WritableStream | undefined,
): void {
  const answer = (line: string): void => {
    const typed = reply?.(line);
    if (typed !== undefined) child.stdin?.write(typed);
  };
  // What goes into a file is content, not a message.
  for (const stream of stdoutFile === undefined ? [child.stdout, child.stderr] : [child.stderr]) {
    if (sink !== undefined) stream?.on('data', (chunk: Buffer) => sink.write(chunk));
    if (onLine !== undefined) stream?.on('data', lastLines(onLine));
    if (onEachLine !== undefined) stream?.on('data', wholeLines(onEachLine));
    if (reply !== undefined) stream?.on('data', lastLines(answer));
  }
}

/** What was asked for. */
interface Asked {
  /** As it can be pasted. */
  readonly command: string;
  readonly file: string;
  /** The same, or what sudo runs. */
  readonly program: string;
}

/** What a command came to. @throws CommandError when that is none of the answers that are taken for one */
function outcomeOf(
  result: Result,
  { command, file, program }: Asked,
  { accept = [], cwd, failure, hint, isProgress, log, timeoutMs = 0 }: RunOptions,
  timedOut: boolean,
): RunResult {
  const { exitCode, signal } = result;
  const [stdout, stderr] = [textOf(result.stdout), textOf(result.stderr)];
  if (timedOut && accept === true) return { stdout, stderr, exitCode: TIMED_OUT };
  if (!timedOut && exitCode !== undefined && (accept === true || [0, ...accept].includes(exitCode))) return { stdout, stderr, exitCode };

  const missing = result.code === 'ENOENT' && (cwd === undefined || existsSync(cwd));
  const lines = [stdout, stderr, missing ? `${file}: command not found` : ''].filter(Boolean).join('\n').split('\n');
  const output = lines.filter((line) => isProgress?.(line) !== true).join('\n');
  const killed = signal === undefined ? undefined : `killed by ${signal}`;
  throw new CommandError(command, exitCode, output === '' && exitCode === undefined ? (result.shortMessage ?? '') : output, {
    message: failure ?? `${path.basename(program)} failed`,
    outcome: timedOut ? `ended after ${timeoutMs / 1000} s` : killed,
    hint,
    log,
  });
}

/** Nothing is kept of what goes to the terminal or into a file. */
function textOf(output: Result['stdout']): string {
  return typeof output === 'string' ? output : '';
}

function openLog(log: string, command: string): NodeJS.WritableStream {
  mkdirSync(path.dirname(log), { recursive: true });
  const sink = createWriteStream(log, { flags: 'a' });
  sink.write(`$ ${command}\n`);
  return sink;
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
