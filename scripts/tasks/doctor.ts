import { readSources } from '../lib/build/sources.js';
import { clusterFlags, clusterOptions } from '../lib/cli/cluster-flags.js';
import { task } from '../lib/cli/task.js';
import { readClusterConfig } from '../lib/cluster/config.js';
import { examine, surroundings } from '../lib/host/doctor/examine.js';
import { checks } from '../lib/host/doctor/index.js';
import { reportLines } from '../lib/host/doctor/report.js';
import { criuReport } from '../steps/criu.js';

export default task({
  name: 'doctor',
  summary: 'Tells whether this machine can do what the toolkit is for, and the command that mends what is missing.',
  manual: [
    'It looks at the distribution, sudo, disk, memory, Docker, kernel and network. It changes nothing. Exit code 1 when something fails; a warning',
    'is no failure. --name and --config say for which cluster the ports are looked at.',
  ],
  flags: { name: clusterFlags.name, config: clusterFlags.config },
  options: clusterOptions,
  async run({ ctx, print, printJson }) {
    const [{ ports }, criuSources, goSources] = await Promise.all([
      readClusterConfig(ctx.options.clusterConfig),
      addresses(ctx.paths.inRoot('images', 'criu', 'source.yaml'), ctx.env),
      addresses(ctx.paths.inRoot('kubernetes', 'go.yaml'), ctx.env),
    ]);
    const subject = { ports, criuSources, goSources, criuReport: criuReport(ctx.paths.build) };
    const examined = await examine(checks, surroundings(ctx, subject));
    print(reportLines(examined).join('\n'));
    printJson(examined.map((found) => ({ ...found })));
    return examined.some(({ verdict }) => verdict === 'fail') ? 1 : 0;
  },
});

/** Where the things of a source file are fetched from, for this architecture; modules from the proxies that GOPROXY names. */
async function addresses(file: string, env: NodeJS.ProcessEnv): Promise<string[]> {
  const { sources } = await readSources(file);
  const proxies = (env['GOPROXY'] ?? '').split(/[,|]/).filter((entry) => /^https?:/.test(entry));
  return sources.flatMap((source) => {
    if ('arch' in source && source.arch !== undefined && source.arch !== process.arch) return [];
    if ('module' in source) return proxies.map((proxy) => `${proxy.replace(/\/$/, '')}/${source.module}/@v/${source.version}.zip`);
    return 'archive' in source ? [source.archive] : 'git' in source ? [source.git] : [];
  });
}
