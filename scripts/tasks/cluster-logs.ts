import path from 'node:path';
import { clusterOptions, nameFlag } from '../lib/cli/cluster-flags.js';
import { task } from '../lib/cli/task.js';
import { runKind } from '../lib/cluster/kind.js';
import { nodeContainers } from '../lib/cluster/node.js';
import { UsageError } from '../lib/core/errors.js';
import { bringAbout } from '../lib/engine/bring-about.js';
import { kind } from '../steps/kind.js';

export default task({
  name: 'cluster:logs',
  summary: 'Exports the logs of the cluster’s nodes and pods into a folder.',
  flags: { ...nameFlag, output: { type: 'string', value: 'FOLDER', help: 'where to put them (default: the folder of this run’s logs)' } },
  options: clusterOptions,
  async run({ flags, ctx, print, printJson }) {
    const { clusterName } = ctx.options;
    if ((await nodeContainers(ctx, clusterName)).length === 0)
      throw new UsageError(`there is no cluster ${clusterName}`, { hint: 'npm run cluster:up' });
    await bringAbout(ctx, [kind]);
    const folder = path.resolve(flags.output ?? path.join(ctx.logs, clusterName));
    await runKind(ctx, ['export', 'logs', '--name', clusterName, folder], {
      failure: 'the logs could not be exported',
    });
    const { glob } = await import('zx');
    const files = await glob('**/*', { cwd: folder, onlyFiles: true, dot: true });
    print(`${files.length} files in ${folder}`);
    printJson({ cluster: clusterName, folder, files: files.sort() });
    return undefined;
  },
});
