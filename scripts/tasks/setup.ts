import { clusterOptions, profileFlag } from '../lib/cli/cluster-flags.js';
import { table } from '../lib/cli/table.js';
import { task } from '../lib/cli/task.js';
import { readProfile } from '../lib/cluster/profile.js';
import { bringAbout, describePlan } from '../lib/engine/bring-about.js';
import { diskUse } from '../lib/host/disk.js';
import { machineFits } from '../lib/host/doctor/before-run.js';
import { environmentOf } from '../steps/environment.js';
import { nodeImageNamesOf } from '../steps/node-image.js';

export default task({
  name: 'setup',
  summary: 'Builds everything: CRIU, kind, containerd, Kubernetes, the images. Does only what is missing.',
  manual: [
    'It also installs what that needs: packages of apt, the Docker engine, Go. A run that was stopped or failed goes on from what is',
    'finished. No cluster is made.',
  ],
  flags: {
    'dry-run': { type: 'boolean', help: 'show what would be done and why, do nothing' },
    timings: { type: 'boolean', help: 'print how long each step took, and the disk that is used' },
    kubernetes: { type: 'string', value: 'PATH', help: 'build this Kubernetes checkout instead of the pin' },
    ...profileFlag,
  },
  options: clusterOptions,
  async run({ flags, ctx, print, printJson }) {
    const { pins } = readProfile(ctx);
    const environment = environmentOf({ pins });
    if (flags['dry-run']) {
      const { lines, steps } = await describePlan(ctx, environment);
      print(lines.join('\n'));
      printJson({ steps });
      return;
    }
    const report = await bringAbout(ctx, environment, { before: machineFits(ctx) });
    const disk = flags.timings ? await diskUse(ctx, nodeImageNamesOf(ctx.options, pins.containerd)) : undefined;
    print(
      report.ran.length === 0
        ? `everything is in place (${report.seconds.toFixed(1)} s)`
        : `done: ${report.ran.length} steps in ${report.seconds.toFixed(1)} s`,
    );
    if (flags.timings) {
      print(
        table(
          ['step', 'seconds'],
          [...report.ran.map(({ title, seconds }) => [title, seconds.toFixed(1)]), ['all, from first to last', report.seconds.toFixed(1)]],
        ),
      );
      print(
        table(
          ['disk', 'MB'],
          Object.entries(disk ?? {}).map(([name, bytes]) => [name, (bytes / 1e6).toFixed(0)]),
        ),
      );
    }
    printJson({ ran: report.ran, fresh: report.fresh, seconds: report.seconds, ...(disk === undefined ? {} : { diskBytes: disk }) });
    return;
  },
});
