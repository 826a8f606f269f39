import { clusterFlags, clusterOptions } from '../lib/cli/cluster-flags.js';
import { task } from '../lib/cli/task.js';
import { readClusterConfig } from '../lib/cluster/config.js';
import { loadImage } from '../lib/cluster/image-load.js';
import { kubernetesNodes } from '../lib/cluster/node.js';
import { type RestoreRoute, readProfile } from '../lib/cluster/profile.js';
import type { Context } from '../lib/core/context.js';
import { UsageError } from '../lib/core/errors.js';
import { imageNames } from '../lib/core/options.js';
import { bringAbout } from '../lib/engine/bring-about.js';
import { machineFits } from '../lib/host/doctor/before-run.js';
import { Proof } from '../proofs/proof.js';
import { proveHopsByImage, proveRestoreByImage } from '../proofs/restore/by-image.js';
import { proveCommand } from '../proofs/restore/command.js';
import { proveMigration } from '../proofs/restore/migrate.js';
import { proveStruckMigrations } from '../proofs/restore/migrate-faults.js';
import { proveNodeTroubles } from '../proofs/restore/node-troubles.js';
import { inNamespace } from '../proofs/restore/pods.js';
import { proveContents, proveHops, proveRestore } from '../proofs/restore/proof.js';
import { proveRefusals } from '../proofs/restore/refusals.js';
import { proveRights } from '../proofs/restore/rights.js';
import { proveMemory, proveWitness } from '../proofs/restore/witness.js';
import { clusterGoals } from '../steps/cluster.js';
import { counterImage } from '../steps/counter-image.js';
import { serverImage } from '../steps/server-image.js';
import { witnessImage } from '../steps/witness-image.js';

/** Nodes, by name. */
interface Places {
  readonly nodes: readonly string[];
  readonly workers: readonly string[];
  readonly first: string;
  /** Another node, where there is one. */
  readonly second: string;
}
type Prove = (ctx: Context, proof: Proof, places: Places) => Promise<void>;

/** What is proven, by how the runtime restores. */
const proofs: Readonly<Record<Exclude<RestoreRoute, 'none'>, Prove>> = {
  async annotation(ctx, proof, { nodes, workers, first, second }) {
    await proveRestore(ctx, proof, first);
    await proveHops(ctx, proof, nodes);
    await proveContents(ctx, proof, first, second);
    await proveCommand(ctx, proof, first, second);
    await proveWitness(ctx, proof, first, second);
    await proveMemory(ctx, proof, first, second, [64, 256]);
    await proveNodeTroubles(ctx, proof, first, second);
    const [from, to] = workers;
    if (from !== undefined && to !== undefined) await proveMigration(ctx, proof, from, to);
    await proveRights(ctx, proof, second);
    await proveRefusals(ctx, proof, second);
  },
  async image(ctx, proof, { nodes, first, second }) {
    await proveRestoreByImage(ctx, proof, first, second);
    await proveHopsByImage(ctx, proof, nodes);
  },
};

const proveHard: Prove = async (ctx, proof, { workers: [from, to] }) => {
  if (from === undefined || to === undefined)
    throw new UsageError('--hard: migrations are struck between two workers, and this cluster has not so many', {
      hint: 'npm run e2e:restore -- --hard --name two --config cluster/two-workers.yaml',
    });
  await proveStruckMigrations(ctx, proof, from, to);
  await proveMemory(ctx, proof, from, to, [1024]);
};

export default task({
  name: 'e2e:restore',
  summary: 'Proves that pods start from checkpoint archives: what comes along, from node to node, and what is refused.',
  manual: [
    'It builds and creates what is missing, as cluster:up does. On the default cluster, of one node, containers go from pod to pod. To see',
    'them go from node to node, name a configuration with workers: --name two --config cluster/two-workers.yaml. That pods move while they',
    'run is proven there alone. With a profile whose runtime restores from images it proves that, and nothing else.',
  ],
  flags: {
    ...clusterFlags,
    hard: { type: 'boolean', help: 'strike migrations at each of their stages, on a cluster with two workers; takes some ten minutes' },
  },
  options: clusterOptions,
  async run({ ctx, flags, print, printJson }) {
    const { name, runtime } = readProfile(ctx);
    const { restore } = runtime;
    if (restore === 'none')
      throw new UsageError(`the runtime of profile ${name} does not restore`, { hint: 'Name another profile: --profile NAME' });
    if (flags.hard && restore !== 'annotation')
      throw new UsageError(`--hard: the runtime of profile ${name} does not hand containers over`, {
        hint: 'Leave --hard or --profile out.',
      });
    const { ports } = await readClusterConfig(ctx.options.clusterConfig);
    await bringAbout(ctx, [...clusterGoals(ctx), counterImage, ...(restore === 'annotation' ? [serverImage, witnessImage] : [])], {
      before: machineFits(ctx, { ports }),
    });
    const { counter, server, witness } = imageNames(ctx.options);
    for (const image of restore === 'annotation' ? [counter, server, witness] : [counter]) await loadImage(ctx, image);
    const all = await kubernetesNodes(ctx, ctx.options.clusterName);
    const nodes = all.map(({ name }) => name);
    const workers = all.filter(({ role }) => role === 'worker').map(({ name }) => name);
    const [first = '', second = first] = nodes;
    const proof = new Proof(ctx, 'e2e:restore');
    const prove = flags.hard ? proveHard : proofs[restore];
    await inNamespace(ctx, () => prove(ctx, proof, { nodes, workers, first, second }));
    print(proof.summary());
    printJson({ proven: proof.proven.map((entry) => ({ ...entry })) });
    return undefined;
  },
});
