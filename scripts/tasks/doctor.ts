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
    const [{ ports }, criuSources, goSources] = await Promise.all([
      readClusterConfig(ctx.options.clusterConfig),
      addresses(ctx.paths.inRoot('images', 'criu', 'source.yaml')),
      addresses(ctx.paths.inRoot('kubernetes', 'go.yaml')),
    ]);
    const subject = { ports, criuSources, goSources, criuReport: criuReport(ctx.paths.build) };
    const examined = await examine(checks, surroundings(ctx, subject));
    print(reportLines(examined).join('\n'));
    printJson(examined.map((found) => ({ ...found })));
    return examined.some(({ verdict }) => verdict === 'fail') ? 1 : 0;
  },
});

/** Where the things of a source file are fetched from, for this architecture. */
async function addresses(file: string): Promise<string[]> {
  const { sources } = await readSources(file);
  return sources.flatMap((source) => {
    if ('git' in source) return [source.git];
    return 'archive' in source && (source.arch ?? process.arch) === process.arch ? [source.archive] : [];
  });
}
