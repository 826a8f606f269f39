import { lstatSync } from 'node:fs';
import path from 'node:path';
import { shellWord } from './shell.js';

/** What an error tells beside its first line. */
export interface ErrorDetails {
  /** Lines below the headline: the command and the end of its output, or what was found. */
  readonly details?: readonly string[];
  /** What to do next. */
  readonly hint?: string | undefined;
  /** The file with the whole output. */
  readonly log?: string | undefined;
  readonly exitCode?: number;
  readonly cause?: unknown;
}

/** An error that a user can act on. It is shown without a stack trace. */
export class ToolkitError extends Error {
  readonly details: readonly string[];
  readonly hint: string | undefined;
  readonly log: string | undefined;
  readonly exitCode: number;

  constructor(message: string, { details = [], hint, log, exitCode = 1, cause }: ErrorDetails = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'ToolkitError';
    this.details = details;
    this.hint = hint;
    this.log = log;
    this.exitCode = exitCode;
  }
}

/** Wrong flags, a wrong file: what the user typed. Exit code 2, as getopt programs do. */
export class UsageError extends ToolkitError {
  constructor(message: string, details: ErrorDetails = {}) {
    super(message, { exitCode: 2, ...details });
    this.name = 'UsageError';
  }
}

const DISK_FULL =
  'The disk is full. docker builder prune and docker system df show where Docker keeps what; npm run clean removes what the toolkit made.';

/** A command that failed. `command` can be pasted into a shell; `outcome` tells how it ended where there is no exit code. */
export class CommandError extends ToolkitError {
  readonly command: string;
  readonly commandExitCode: number | undefined;
  readonly output: string;

  constructor(
    command: string,
    commandExitCode: number | undefined,
    output: string,
    { message, outcome, ...rest }: ErrorDetails & { message?: string | undefined; outcome?: string | undefined } = {},
  ) {
    const hint = /no space left on device/i.test(output) ? DISK_FULL : rest.hint;
    const ended = outcome ?? (commandExitCode === undefined ? 'did not start' : `exit code ${commandExitCode}`);
    super(message ?? `${command.split(' ', 1)[0] ?? 'command'} failed`, {
      ...rest,
      hint,
      details: [`${command} → ${ended}`, ...tail(output), ...(rest.details ?? [])],
    });
    this.name = 'CommandError';
    this.command = command;
    this.commandExitCode = commandExitCode;
    this.output = output;
  }
}

/** The run was stopped by a signal. */
export class InterruptedError extends ToolkitError {
  constructor(signal: string, exitCode: number) {
    super(`stopped by ${signal}`, { exitCode, hint: 'Run the same command again: it goes on from what is finished.' });
    this.name = 'InterruptedError';
  }
}

/** The last lines of an output, without blank ones. */
export function tail(output: string, lines = 12): string[] {
  return output
    .split('\n')
    .map((line) => line.trimEnd())
    .filter((line) => line !== '')
    .slice(-lines);
}

/** One line that says what went wrong, for places where a whole report would not fit. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Errors of the file system that a user can mend, by their code (errno(3)). */
const FILE_SYSTEM: Readonly<Record<string, { message: string; hint: string }>> = {
  ENOSPC: { message: 'the disk is full', hint: DISK_FULL },
  EDQUOT: { message: 'the disk quota is used up', hint: DISK_FULL },
  EROFS: { message: 'the file system is read-only', hint: 'Choose another place for the cache: KIND_CHECKPOINT_CACHE=PATH' },
  EACCES: {
    message: 'this user may not write or read a file',
    hint: 'See whom it and the folders above it belong to: namei -l PATH',
  },
};

function known(error: unknown): unknown {
  const { code, message } = error instanceof Error ? (error as NodeJS.ErrnoException) : { code: undefined, message: '' };
  const found = code === undefined ? undefined : FILE_SYSTEM[code];
  if (found === undefined) return error;
  const { path: file } = error as NodeJS.ErrnoException;
  const theirs = code === 'EACCES' && file !== undefined ? foreignPart(file) : undefined;
  const hint =
    theirs === undefined
      ? found.hint.replace('PATH', () => shellWord(file ?? 'PATH'))
      : `It belongs to another user, most likely since a run as root. Make it yours: sudo chown -R "$(id -u):$(id -g)" ${shellWord(theirs)}`;
  return new ToolkitError(found.message, { details: [message], hint, cause: error });
}

/**
 * The topmost folder or file on the way to a path that is another user's, inside a folder that is this user's: what a run as root has
 * left in the user's checkout. Undefined where the whole way is another user's.
 */
export function foreignPart(
  file: string,
  uid = process.getuid?.() ?? 0,
  ownerOf: (file: string) => number | undefined = owner,
): string | undefined {
  let found: string | undefined;
  for (let at = path.resolve(file); at !== path.dirname(at); at = path.dirname(at)) {
    const its = ownerOf(at);
    if (its === uid) return found;
    if (its !== undefined) found = at;
  }
  return undefined;
}

function owner(file: string): number | undefined {
  try {
    return lstatSync(file).uid;
  } catch {
    return undefined;
  }
}

/** The whole report on an error, as the entry point prints it. Unforeseen errors keep their stack trace. */
export function renderError(thrown: unknown): string {
  const error = known(thrown);
  if (error instanceof AggregateError) return error.errors.map(renderError).join('\n');
  if (!(error instanceof ToolkitError)) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return `✖ unexpected error (a defect of the toolkit)\n${indent(text.split('\n'))}`;
  }
  const lines = [...error.details, ...(error.hint === undefined ? [] : [error.hint])].flatMap((text) => text.split('\n'));
  if (error.log !== undefined) lines.push(`log: ${error.log}`);
  return [`✖ ${error.message}`, ...(lines.length > 0 ? [indent(lines)] : [])].join('\n');
}

function indent(lines: readonly string[]): string {
  return lines.map((line) => `  ${line}`).join('\n');
}

/** Fails unless two values are the same. */
export function expectSame(actual: unknown, expected: unknown, what: string): void {
  if (actual !== expected) throw new ToolkitError(`${what}: expected ${String(expected)}, found ${String(actual)}`);
}
