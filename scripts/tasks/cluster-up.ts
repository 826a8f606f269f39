import { clusterFlags, clusterOptions } from '../lib/cli/cluster-flags.js';
import { task } from '../lib/cli/task.js';
import { readClusterConfig } from '../lib/cluster/config.js';
import { kubeContext } from '../lib/cluster/kubectl.js';
import { bringAbout, describePlan } from '../lib/engine/bring-about.js';
import { machineFits } from '../lib/host/doctor/before-run.js';
import { clusterGoals } from '../steps/cluster.js';

export default task({
  name: 'cluster:up',
  summary: 'Creates the cluster, and builds what is missing for it. Returns when it serves.',
  manual: [
    'A cluster that is up and matches is left alone; nodes that were stopped are started. One that no longer matches its configuration',
    'or image is refused with what has changed, unless --recreate says to make it anew: what ran in it is lost then.',
  ],
  flags: { ...clusterFlags, 'dry-run': { type: 'boolean', help: 'show what would be done and why, do nothing' } },
  options: clusterOptions,
  async run({ flags, ctx, print, printJson }) {
    const { clusterName } = ctx.options;
    const context = kubeContext(clusterName);
    const { ports } = await readClusterConfig(ctx.options.clusterConfig);
    const goals = clusterGoals(ctx);
    if (flags['dry-run']) {
      const { lines, steps } = await describePlan(ctx, goals);
      print(lines.join('\n'));
      printJson({ steps });
      return;
    }
    const report = await bringAbout(ctx, goals, { before: machineFits(ctx, { ports }) });
    print(
      report.ran.length === 0
        ? `cluster ${clusterName} is up, nothing has changed (${report.seconds.toFixed(1)} s)`
        : `cluster ${clusterName} is up after ${report.seconds.toFixed(1)} s; try: npm run kubectl -- ${flags.name === undefined ? '' : `--context ${context} `}get pods -A   (context ${context})`,
    );
    printJson({ cluster: clusterName, context, ran: report.ran, seconds: report.seconds });
    return;
  },
});
