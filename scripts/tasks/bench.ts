import { type Figure, median, ratio } from '../lib/bench.js';
import { benchApi } from '../lib/bench-api.js';
import { benchPush } from '../lib/bench-push.js';
import { clusterFlags, clusterOptions } from '../lib/cluster-flags.js';
import type { Context } from '../lib/context.js';
import { UsageError } from '../lib/errors.js';
import { loadImage } from '../lib/image-load.js';
import { imageNames } from '../lib/options.js';
import { table } from '../lib/table.js';
import { task } from '../lib/task.js';
import { bringAbout } from '../lib/tasks.js';
import { clusterStep } from '../steps/cluster.js';
import { counterImage } from '../steps/counter-image.js';

const benchmarks: Readonly<Record<string, (ctx: Context) => Promise<Figure>>> = { api: benchApi, push: benchPush };

export default task({
  name: 'bench',
  summary: 'Measures side by side in one run, and prints ratios: the API against the kubelet, a push against the bare compiler.',
  flags: clusterFlags,
  words: '[api|push…]',
  options: clusterOptions,
  async run({ words, ctx, print, printJson }) {
    const unknown = words.find((word) => benchmarks[word] === undefined);
    if (unknown !== undefined)
      throw new UsageError(`there is no benchmark ${unknown}`, { hint: `Benchmarks: ${Object.keys(benchmarks).join(', ')}` });
    await bringAbout(ctx, [clusterStep(ctx.options), counterImage]);
    await loadImage(ctx, imageNames(ctx.options).counter);
    const figures: Figure[] = [];
    for (const name of words.length === 0 ? Object.keys(benchmarks) : words) {
      ctx.say(`measuring: ${name}`);
      const figure = await benchmarks[name]?.(ctx);
      if (figure !== undefined) figures.push(figure);
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
