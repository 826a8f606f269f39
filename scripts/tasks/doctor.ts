import { readClusterConfig } from '../lib/cluster-config.js';
import { clusterFlags, clusterOptions } from '../lib/cluster-flags.js';
import { examine, surroundings } from '../lib/host/doctor/examine.js';
import { checks } from '../lib/host/doctor/index.js';
import { reportLines } from '../lib/host/doctor/report.js';
import { readSources } from '../lib/sources.js';
import { task } from '../lib/task.js';
import { criuReport } from '../steps/criu.js';

export default task({
  name: 'doctor',
  summary: 'Tells whether this machine can do what the toolkit is for, and what mends what is missing. Exit code 1 when something fails.',
  flags: { name: clusterFlags.name, config: clusterFlags.config },
  options: clusterOptions,
  async run({ ctx, print, printJson }) {
    const [{ ports }, { sources }] = await Promise.all([
      readClusterConfig(ctx.options.clusterConfig),
      readSources(ctx.paths.inRoot('images', 'criu', 'source.yaml')),
    ]);
    const criuSources = sources.flatMap((source) => ('archive' in source ? [source.archive] : 'git' in source ? [source.git] : []));
    const examined = await examine(checks, surroundings(ctx, { ports, criuSources, criuReport: criuReport(ctx.paths.build) }));
    print(reportLines(examined).join('\n'));
    printJson(examined.map((found) => ({ ...found })));
    return examined.some(({ verdict }) => verdict === 'fail') ? 1 : 0;
  },
});
