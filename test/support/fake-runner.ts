import { onTestFinished } from 'vitest';
import { CommandError } from '../../scripts/lib/core/errors.js';
import { commandLine, type Runner, type RunOptions, type RunResult } from '../../scripts/lib/core/runner.js';

/** A command that was asked for. */
export interface Call {
  /** The command as it would be typed, without folder and environment. */
  readonly line: string;
  readonly file: string;
  readonly args: readonly string[];
  readonly options: RunOptions;
}

/** What a command does: prints this, exits with that code, cannot be started, or whatever a function works out. */
export type Answer = string | number | Error | Partial<RunResult> | ((call: Call) => Answer | Promise<Answer>);

/** Answers by exact command line, or a function that returns undefined for a command that it does not know. */
export type Answers = Readonly<Record<string, Answer>> | ((call: Call) => Answer | undefined | Promise<Answer | undefined>);

export interface FakeRunner extends Runner {
  readonly calls: readonly Call[];
  /** The command lines of `calls`. */
  readonly lines: readonly string[];
}

/** A runner that starts nothing. Any command that it was not told of fails the test, even where the code under test swallows errors. */
export function fakeRunner(answers: Answers = {}): FakeRunner {
  const calls: Call[] = [];
  const unexpected: TypeError[] = [];
  onTestFinished(() => {
    if (unexpected[0] !== undefined) throw unexpected[0];
  });
  return {
    calls,
    get lines() {
      return calls.map(({ line }) => line);
    },
    async run(file, args, options = {}) {
      const call: Call = { line: commandLine(file, args), file, args, options };
      calls.push(call);
      let answer = typeof answers === 'function' ? await answers(call) : answers[call.line];
      if (answer === undefined) {
        const error = new TypeError(`the test did not expect this command: ${call.line}`);
        unexpected.push(error);
        throw error;
      }
      while (typeof answer === 'function') answer = await answer(call);
      if (answer instanceof Error) throw answer;
      return outcome(call, answer);
    },
  };
}

/** As the true runner has it: an exit code that is not accepted is an error. */
function outcome({ file, args, options }: Call, answer: Exclude<Answer, Error | ((call: Call) => unknown)>): RunResult {
  const given = typeof answer === 'string' ? { stdout: answer } : typeof answer === 'number' ? { exitCode: answer } : answer;
  const result = { stdout: '', stderr: '', exitCode: 0, ...given };
  const { accept = [], failure: message, hint, log } = options;
  if (result.exitCode === 0 || accept === true || accept.includes(result.exitCode)) return result;
  throw new CommandError(commandLine(file, args, options), result.exitCode, [result.stdout, result.stderr].filter(Boolean).join('\n'), {
    message,
    hint,
    log,
  });
}
