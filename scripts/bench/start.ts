import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Context } from '../lib/core/context.js';
import { ToolkitError } from '../lib/core/errors.js';
import { makeFolder } from '../lib/core/files.js';
import type { RunResult } from '../lib/core/runner.js';
import type { Benchmark, Figure } from './figures.js';

const ROUNDS = 9;
/** Most that a start may take, as a multiple of what it is held against. */
const GOAL = 3;

/** Something that is timed, by the name under which it is told. */
interface Timed {
  readonly name: string;
  run(): Promise<RunResult>;
}

/** What is held against what. Several may share what they are held against. */
interface Comparison {
  readonly measured: Timed;
  readonly against: Timed;
}

/** Measures how long the toolkit takes to start: a task's help against bare Node, a setup with nothing to do against bare npm. */
export async function benchStart(ctx: Context): Promise<Benchmark> {
  const folder = await makeFolder(ctx.paths.cache, 'bench-');
  try {
    await writeFile(path.join(folder, 'package.json'), JSON.stringify({ name: 'empty', version: '1.0.0', scripts: { empty: 'exit 0' } }));
    return { figures: await byTurns(ctx, comparisons(ctx, folder)) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function comparisons(ctx: Context, folder: string): Comparison[] {
  const command = (name: string, file: string, args: readonly string[], cwd = ctx.paths.root): Timed => ({
    name,
    run: () => ctx.runner.run(file, args, { cwd }),
  });
  const help = (task: string): Timed => command(`${task} --help`, 'node', [ctx.paths.inRoot('scripts', 'run.mjs'), task, '--help']);
  const plugin = command('kubectl-checkpoint --help', path.join(ctx.paths.bin, 'kubectl-checkpoint'), ['--help']);
  const node = command('node -e 0', 'node', ['-e', '0']);
  const setup = command('npm run setup with nothing to do', 'npm', ['run', 'setup']);
  const empty = command('npm running an empty script', 'npm', ['run', 'empty'], folder);
  return [
    ...[help('setup'), help('doctor'), help('checkpoint'), plugin].map((measured) => ({ measured, against: node })),
    { measured: { ...setup, run: async () => idle(await setup.run()) }, against: empty },
  ];
}

/** @throws ToolkitError when there was something to do after all */
function idle(result: RunResult): RunResult {
  if (result.stdout.includes('everything is in place')) return result;
  throw new ToolkitError('npm run setup had something to do', { details: [result.stdout], hint: 'Is another run at work?' });
}

/** Times everything once a round, one after the other. */
async function byTurns(ctx: Pick<Context, 'clock'>, compared: readonly Comparison[]): Promise<Figure[]> {
  const seconds = new Map<Timed, number[]>(compared.flatMap(({ measured, against }) => [measured, against]).map((timed) => [timed, []]));
  // One round to warm up: the disk's cache, the bundle.
  for (let round = -1; round < ROUNDS; round++) {
    for (const [timed, samples] of seconds) {
      const start = ctx.clock.now();
      await timed.run();
      if (round >= 0) samples.push((ctx.clock.now() - start) / 1000);
    }
  }
  return compared.map(({ measured, against }) => ({
    name: measured.name,
    measured: seconds.get(measured) ?? [],
    baseline: seconds.get(against) ?? [],
    goal: GOAL,
    against: against.name,
  }));
}
