import { benchApi } from '../bench/api.js';
import { benchCheckpoint } from '../bench/checkpoint.js';
import { type Benchmark, type Figure, ratio } from '../bench/figures.js';
import { keepMigrations, keepTimes } from '../bench/keep.js';
import { benchMigrate } from '../bench/migrate.js';
import { pluginStart } from '../bench/plugin-start.js';
import { benchPush } from '../bench/push.js';
import { benchStart } from '../bench/start.js';
import { componentProgram } from '../lib/build/go-component.js';
import { clusterFlags, clusterOptions } from '../lib/cli/cluster-flags.js';
import { table } from '../lib/cli/table.js';
import { task } from '../lib/cli/task.js';
import { readClusterConfig } from '../lib/cluster/config.js';
import { loadImage } from '../lib/cluster/image-load.js';
import { readProfile } from '../lib/cluster/profile.js';
import type { Context } from '../lib/core/context.js';
import { UsageError } from '../lib/core/errors.js';
import { median } from '../lib/core/median.js';
import { imageNames } from '../lib/core/options.js';
import { bringAbout } from '../lib/engine/bring-about.js';
import { machineFits } from '../lib/host/doctor/before-run.js';
import { ballastImage } from '../steps/ballast-image.js';
import { clusterGoals } from '../steps/cluster.js';
import { stockContainerd } from '../steps/containerd.js';
import { counterImage } from '../steps/counter-image.js';
import { environmentOf } from '../steps/environment.js';
import { kubectlPlugin } from '../steps/kubectl-plugin.js';

type Benchmarks = Readonly<Record<string, (ctx: Context, record: boolean) => Promise<Benchmark>>>;
const benchmarks: Benchmarks = { api: benchApi, push: benchPush, checkpoint: checkpointTimes, start: startTimes, migrate: migrationTimes };
/** Those that need two nodes run only when they are named. */
const byDefault = Object.keys(benchmarks).filter((name) => name !== 'migrate');

async function checkpointTimes(ctx: Context, record: boolean): Promise<Benchmark> {
  const { samples, figures, report = '' } = await benchCheckpoint(ctx, componentProgram(ctx, stockContainerd.id, 'containerd'));
  const written = await keepTimes(ctx, samples, record);
  return { figures, report: `${report}\nwritten: ${written.join(', ')}` };
}

async function migrationTimes(ctx: Context, record: boolean): Promise<Benchmark> {
  const { samples, figures, report = '' } = await benchMigrate(ctx);
  const written = await keepMigrations(ctx, samples, record);
  return { figures, report: `${report}\nwritten: ${written.join(', ')}` };
}

async function startTimes(ctx: Context): Promise<Benchmark> {
  const { figures } = await benchStart(ctx);
  return { figures: [...figures, ...(await pluginStart(ctx))] };
}

/** Brings about what is measured. */
async function prepare(ctx: Context, chosen: readonly string[]): Promise<void> {
  const profile = readProfile(ctx);
  const ofOurs = ['checkpoint', 'migrate'].filter((name) => chosen.includes(name));
  if (ofOurs.length > 0 && profile.runtime.restore !== 'annotation')
    throw new UsageError(`${ofOurs.join(', ')}: that is measured of the runtime with our patches, which profile ${profile.name} has not`, {
      hint: 'Leave --profile out.',
    });
  const started = chosen.includes('start') ? environmentOf(profile) : [];
  const { ports } = await readClusterConfig(ctx.options.clusterConfig);
  const forMigrations = chosen.includes('migrate') ? [kubectlPlugin] : [];
  const withBallast = chosen.includes('checkpoint') || chosen.includes('migrate');
  const forCheckpoints = [...(withBallast ? [ballastImage] : []), ...(chosen.includes('checkpoint') ? [stockContainerd] : [])];
  await bringAbout(ctx, [...clusterGoals(ctx), counterImage, ...forCheckpoints, ...forMigrations, ...started], {
    before: machineFits(ctx, { ports }),
  });
  const { counter, ballast } = imageNames(ctx.options);
  for (const image of withBallast ? [counter, ballast] : [counter]) await loadImage(ctx, image);
}

export default task({
  name: 'bench',
  summary: 'Measures side by side in one run, and prints ratios.',
  manual: [
    'Without a name, all of them run but migrate, which needs two nodes:',
    '  api         a checkpoint through the API against one straight at the kubelet',
    '  push        kubernetes:push against the bare compiler',
    '  checkpoint  checkpoints against runc alone and containerd without patches, from little memory to 1 GiB; keeps the samples and a picture',
    '  migrate     the downtime of a migration against runc checkpoint and runc restore on one node, from little memory to 1 GiB; keeps',
    '              the samples and a picture. A cluster with two nodes: --name two --config cluster/two-workers.yaml',
    '  start       the start of commands against bare Node and npm, and kubectl checkpoint against the bare request',
  ],
  flags: {
    ...clusterFlags,
    record: {
      type: 'boolean',
      help: 'write the times of checkpoints and migrations into docs/ too, not only into the folder of this run’s logs',
    },
  },
  words: `[${Object.keys(benchmarks).join('|')}…]`,
  options: clusterOptions,
  async run({ words, flags, ctx, print, printJson }) {
    const unknown = words.find((word) => benchmarks[word] === undefined);
    if (unknown !== undefined)
      throw new UsageError(`there is no benchmark ${unknown}`, { hint: `Benchmarks: ${Object.keys(benchmarks).join(', ')}` });
    const chosen = words.length === 0 ? byDefault : words;
    if (flags.record && !chosen.includes('checkpoint') && !chosen.includes('migrate'))
      throw new UsageError('--record: only the times of checkpoints and migrations are kept', {
        hint: 'npm run bench -- checkpoint --record',
      });
    await prepare(ctx, chosen);
    const figures: Figure[] = [];
    for (const name of chosen) {
      ctx.say(`measuring: ${name}`);
      const made = await benchmarks[name]?.(ctx, flags.record);
      if (made?.report !== undefined) print(made.report);
      figures.push(...(made?.figures ?? []));
    }
    const row = (figure: Figure): string[] => [
      figure.name,
      median(figure.measured).toFixed(3),
      figure.against,
      median(figure.baseline).toFixed(3),
      ratio(figure).toFixed(2),
      figure.goal.toFixed(2),
      ratio(figure) <= figure.goal ? 'reached' : 'missed',
    ];
    print(table(['figure', 'median s', 'against', 'median s', 'ratio', 'goal', ''], figures.map(row)));
    printJson(figures.map((figure) => ({ ...figure, ratio: ratio(figure), reached: ratio(figure) <= figure.goal })));
    return undefined;
  },
});
