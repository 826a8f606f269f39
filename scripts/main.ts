/** The one entry point: signals, output and the exit code live here. */
import { existsSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { helpText, readArguments, type Task } from './lib/cli/task.js';
import type { Clock, Context } from './lib/core/context.js';
import { renderError, UsageError } from './lib/core/errors.js';
import { makeOptions } from './lib/core/options.js';
import { checkout, makePaths } from './lib/core/paths.js';
import { createRunner } from './lib/core/runner.js';
import { stopOnSignals } from './lib/core/signals.js';

const KEPT_LOGS = 20;

const systemClock: Clock = {
  now: () => Date.now(),
  sleep: async (ms, signal) => {
    await sleep(ms, undefined, signal === undefined ? {} : { signal }).catch((error: unknown) => {
      throw signal?.aborted === true ? signal.reason : error;
    });
  },
};

/** Runs an npm script by name. @returns the exit code */
export async function main(name: string, args: readonly string[]): Promise<number> {
  const abort = new AbortController();
  const atOnce = new AbortController();
  stopOnSignals(process, { stop: abort, atOnce }, systemClock.now, console.error);
  // A fault in a callback would otherwise end the process at once, with nothing put right.
  process.on('uncaughtException', (error) => abort.abort(error));
  try {
    const chosen = await loadTask(name);
    const { flags, words } = readArguments(chosen, args);
    if (flags['help'] === true) {
      console.log(helpText(chosen));
      return 0;
    }
    const json = flags['json'] === true;
    const ctx = await makeContext(chosen, chosen.options?.(flags) ?? {}, { signal: abort.signal, atOnce: atOnce.signal });
    const code = await chosen.run({
      flags,
      words,
      ctx,
      forPeople: !json,
      print: (text) => {
        if (!json) console.log(text);
      },
      printJson: (value) => {
        if (json) console.log(JSON.stringify(value, null, 2));
      },
    });
    return code ?? 0;
  } catch (error) {
    const shown = abort.signal.aborted ? abort.signal.reason : error;
    console.error(renderError(shown));
    return exitCodeOf(shown);
  }
}

async function loadTask(name: string): Promise<Task> {
  const file = path.join(checkout, 'scripts', 'tasks', `${name.replaceAll(':', '-')}.ts`);
  if (!/^[a-z0-9:]+$/.test(name) || !existsSync(file))
    throw new UsageError(`there is no task called ${name}`, { hint: 'npm run   lists them.' });
  const module = (await import(file)) as { default: Task };
  return module.default;
}

async function makeContext(
  task: Task,
  chosen: Parameters<typeof makeOptions>[2],
  { signal, atOnce }: { readonly signal: AbortSignal; readonly atOnce: AbortSignal },
): Promise<Context> {
  const paths = makePaths(checkout, process.env['KIND_CHECKPOINT_CACHE'] || undefined, process.env['KIND_CHECKPOINT_TREES'] || undefined);
  const logs = path.join(
    paths.logs,
    `${new Date().toISOString().slice(0, 19).replaceAll(':', '-')}-${task.name.replaceAll(':', '-')}-${process.pid}`,
  );
  await dropOldLogs(paths.logs);
  const env = { ...process.env, PATH: `${paths.bin}${path.delimiter}${process.env['PATH'] ?? ''}` };
  return {
    paths,
    options: makeOptions(checkout, process.env, chosen),
    runner: createRunner({ signal, atOnce, env }),
    cleanupRunner: createRunner({ signal: atOnce, atOnce, env }),
    clock: systemClock,
    env: process.env,
    signal,
    logs,
    say: (line) => console.error(line),
  };
}

/** Keeps the last ones. Those of root's runs stay where another user runs this: they are in nobody's way. */
async function dropOldLogs(folder: string): Promise<void> {
  const names = (await readdir(folder).catch(() => [])).sort();
  for (const name of names.slice(0, Math.max(0, names.length - KEPT_LOGS)))
    await rm(path.join(folder, name), { recursive: true, force: true }).catch(() => undefined);
}

function exitCodeOf(error: unknown): number {
  const code = error instanceof AggregateError ? undefined : (error as { exitCode?: unknown }).exitCode;
  return typeof code === 'number' && code !== 0 ? code : 1;
}
