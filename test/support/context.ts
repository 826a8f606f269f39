import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import type { Clock, Context, Options } from '../../scripts/lib/core/context.js';
import { makeOptions } from '../../scripts/lib/core/options.js';
import { makePaths } from '../../scripts/lib/core/paths.js';
import { createRunner, type Runner } from '../../scripts/lib/core/runner.js';
import type { StepContext } from '../../scripts/lib/engine/step.js';
import { fakeRunner } from './fake-runner.js';

/** A clock that stands still until someone sleeps. */
export interface FakeClock extends Clock {
  /** Called in each sleep, after the time has passed: what the others did meanwhile. */
  whileAsleep: (ms: number) => void | Promise<void>;
  pass(ms: number): void;
}

export interface TestContext extends Context {
  readonly clock: FakeClock;
  /** What people were told. */
  readonly said: string[];
  /** Stops the run. */
  readonly abort: AbortController;
}

/** An empty folder, removed after the test. */
export function temporaryFolder(): string {
  const folder = realpathSync(mkdtempSync(path.join(tmpdir(), 'kind-checkpoint-test-')));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A context over an empty checkout. Its runner knows no command unless told otherwise. */
export function testContext({
  runner,
  options = {},
  env = {},
  clock = fakeClock(),
  root = temporaryFolder(),
}: {
  runner?: Runner;
  options?: Partial<Options>;
  env?: NodeJS.ProcessEnv;
  clock?: FakeClock;
  root?: string;
} = {}): TestContext {
  const paths = makePaths(root);
  const said: string[] = [];
  const abort = new AbortController();
  const commands = runner ?? fakeRunner();
  return {
    paths,
    options: makeOptions(root, env, options),
    runner: commands,
    cleanupRunner: commands,
    clock,
    env,
    signal: abort.signal,
    logs: path.join(paths.logs, 'test'),
    say: (line) => said.push(line),
    said,
    abort,
  };
}

/** What a step gets from the engine, of which nobody sees log, status and progress. */
export function stepContext<C extends Context>(ctx: C): C & StepContext {
  return { ...ctx, log: path.join(ctx.logs, 'step.log'), status: () => undefined, progress: () => undefined };
}

/** A clock that starts at noon of some day. */
export function fakeClock(): FakeClock {
  let now = Date.UTC(2026, 0, 2, 12, 0, 0);
  const clock: FakeClock = {
    now: () => now,
    whileAsleep: () => undefined,
    pass: (ms) => {
      now += ms;
    },
    async sleep(ms, signal) {
      signal?.throwIfAborted();
      now += ms;
      await clock.whileAsleep(ms);
      await new Promise((resolve) => setImmediate(resolve));
      signal?.throwIfAborted();
    },
  };
  return clock;
}

/** A runner that starts processes, untouched by the proxies and the git and curl settings of whoever runs the tests. */
export function realRunner({
  signal = new AbortController().signal,
  env = {},
}: {
  signal?: AbortSignal;
  env?: NodeJS.ProcessEnv;
} = {}): Runner {
  const home = path.join(temporaryFolder(), 'home');
  mkdirSync(home);
  return createRunner({ signal, env: { PATH: process.env['PATH'], HOME: home, GIT_CONFIG_NOSYSTEM: '1', LC_ALL: 'C', ...env } });
}

/** Writes a file and the folders above it. */
export async function put(file: string, content: string | Uint8Array, mode?: number): Promise<string> {
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, content, mode === undefined ? {} : { mode });
  return file;
}
