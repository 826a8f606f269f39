/** The one entry point: signals, output and the exit code live here. */
import { existsSync, writeSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { helpText, readArguments, type Task } from './lib/cli/task.js';
import type { Clock, Context } from './lib/core/context.js';
import { renderError, UsageError } from './lib/core/errors.js';
import { makeOptions } from './lib/core/options.js';
import { makePaths } from './lib/core/paths.js';
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

/** Tells a person something before the process ends: past a live list, which keeps what is printed until its end, and hides the cursor. */
function sayAtOnce(text: string): void {
  writeSync(2, process.stderr.isTTY ? `\u001b[?25h\n${text}\n` : `${text}\n`);
}

/** Where a run takes place, as the start knows it. */
export interface Place {
  /** The checkout, absolute. */
  readonly root: string;
  /** Folder of the cache, absolute. */
  readonly cache: string;
}

/** What is run, and how. */
export interface Start extends Place {
  /** Name of an npm script. */
  readonly task: string;
  readonly args: readonly string[];
  /** Puts the places in the sources into an error's stack trace. */
  readonly inSources: (text: string) => Promise<string>;
}

/** Runs an npm script. @returns the exit code */
export async function main({ task, args, inSources, ...place }: Start): Promise<number> {
  const abort = new AbortController();
  const atOnce = new AbortController();
  stopOnSignals(process, { stop: abort, atOnce }, systemClock.now, sayAtOnce);
  // A fault in a callback would otherwise end the process at once, with nothing put right.
  process.on('uncaughtException', (error) => abort.abort(error));
  try {
    const chosen = await loadTask(place, task);
    const { flags, words } = readArguments(chosen, args);
    if (flags['help'] === true) {
      console.log(helpText(chosen));
      return 0;
    }
    const json = flags['json'] === true;
    const ctx = await makeContext(place, chosen, chosen.options?.(flags) ?? {}, { signal: abort.signal, atOnce: atOnce.signal });
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
    console.error(await inSources(renderError(shown)));
    return exitCodeOf(shown);
  }
}

async function loadTask(place: Place, name: string): Promise<Task> {
  const file = name.replaceAll(':', '-');
  if (!/^[a-z0-9:]+$/.test(name) || !existsSync(path.join(place.root, 'scripts', 'tasks', `${file}.ts`)))
    throw new UsageError(`there is no task called ${name}`, { hint: 'npm run   lists them.' });
  return (await importTask(file)).default;
}

/** The bundler finds the files by this pattern. */
function importTask(file: string): Promise<{ default: Task }> {
  return import(`./tasks/${file}.ts`);
}

/** The help of each task by its name, but for those that hand `--help` on. Loads them all. */
export async function helpTexts(root: string): Promise<Record<string, string>> {
  const files = await readdir(path.join(root, 'scripts', 'tasks'));
  const tasks = await Promise.all(files.map(async (file) => (await importTask(path.basename(file, '.ts'))).default));
  return Object.fromEntries(tasks.filter(({ passThrough }) => passThrough !== true).map((task) => [task.name, helpText(task)]));
}

async function makeContext(
  { root, cache }: Place,
  task: Task,
  chosen: Parameters<typeof makeOptions>[2],
  { signal, atOnce }: { readonly signal: AbortSignal; readonly atOnce: AbortSignal },
): Promise<Context> {
  const paths = makePaths(root, cache, process.env['KIND_CHECKPOINT_TREES'] || undefined);
  const logs = path.join(
    paths.logs,
    `${new Date().toISOString().slice(0, 19).replaceAll(':', '-')}-${task.name.replaceAll(':', '-')}-${process.pid}`,
  );
  await dropOldLogs(paths.logs);
  const env = { ...process.env, PATH: `${paths.bin}${path.delimiter}${process.env['PATH'] ?? ''}` };
  return {
    paths,
    options: makeOptions(root, process.env, chosen),
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
