import { clusterFlags, clusterOptions } from '../lib/cli/cluster-flags.js';
import { task } from '../lib/cli/task.js';
import { readClusterConfig } from '../lib/cluster/config.js';
import { loadImage } from '../lib/cluster/image-load.js';
import { readProfile } from '../lib/cluster/profile.js';
import { secondsSince } from '../lib/core/context.js';
import { UsageError } from '../lib/core/errors.js';
import { imageNames } from '../lib/core/options.js';
import { bringAbout } from '../lib/engine/bring-about.js';
import { machineFits } from '../lib/host/doctor/before-run.js';
import { proveHardCases } from '../proofs/faults/proof.js';
import { proveKubeletCheckpoint } from '../proofs/kubelet.js';
import { Proof } from '../proofs/proof.js';
import { ballastImage } from '../steps/ballast-image.js';
import { clusterGoals } from '../steps/cluster.js';
import { counterImage } from '../steps/counter-image.js';

/** Checkpoints in a row. */
const ROUNDS = 10;

export default task({
  name: 'e2e:checkpoint',
  summary: 'From nothing to a checkpointed pod, proven: builds what is missing, creates the cluster, checkpoints the counter.',
  manual: [
    'The kubelet is asked from its node. Each statement is proven as it is made: the archive is opened, the numbers are checked for gaps,',
    'the kubelet’s metrics are compared. The cluster is left up, the last archive is kept in .cache/archives.',
    '--hard takes a few minutes more; docs/archive-and-restore.md says what it strikes.',
  ],
  flags: {
    ...clusterFlags,
    hard: {
      type: 'boolean',
      help: 'also strike checkpoints of up to 1 GiB in their middle: kill CRIU, containerd, the kubelet, fill the disk, …',
    },
  },
  options: clusterOptions,
  async run({ flags, ctx, print, printJson }) {
    const start = ctx.clock.now();
    const { name, runtime } = readProfile(ctx);
    if (flags.hard && !runtime.survivesFaults)
      throw new UsageError(`--hard: the runtime of profile ${name} does not promise what that proves`, {
        hint: `Leave --hard out, or name another profile. What a runtime can do: cluster/profiles/${name}.yaml`,
      });
    const { ports } = await readClusterConfig(ctx.options.clusterConfig);
    const report = await bringAbout(ctx, [...clusterGoals(ctx), counterImage, ...(flags.hard ? [ballastImage] : [])], {
      before: machineFits(ctx, { ports }),
    });
    const proof = new Proof(ctx, 'e2e:checkpoint');
    await proof.show('the counter image is on all nodes', async () => {
      const { sentTo, id } = await loadImage(ctx, imageNames(ctx.options).counter);
      return { seen: sentTo.length === 0 ? 'it was there' : `sent to ${sentTo.join(', ')}`, value: id };
    });
    const archive = await proveKubeletCheckpoint(ctx, proof, ROUNDS, runtime);
    if (flags.hard) {
      await loadImage(ctx, imageNames(ctx.options).ballast);
      await proveHardCases(ctx, proof);
    }
    const seconds = secondsSince(ctx.clock, start);
    print(`${proof.summary()}, all of it in ${seconds.toFixed(1)} s; the cluster is left up`);
    print(`archive: ${archive}`);
    printJson({ steps: report.ran, proven: proof.proven.map((entry) => ({ ...entry })), archive, seconds });
    return undefined;
  },
});
