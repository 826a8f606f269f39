import { clusterFlags, clusterOptions } from '../lib/cli/cluster-flags.js';
import { task } from '../lib/cli/task.js';
import { readClusterConfig } from '../lib/cluster/config.js';
import { loadImage } from '../lib/cluster/image-load.js';
import { imageNames } from '../lib/core/options.js';
import { bringAbout } from '../lib/engine/bring-about.js';
import { machineFits } from '../lib/host/doctor/before-run.js';
import { openApi } from '../proofs/api/access.js';
import { makeCounter2, makePods, removePods } from '../proofs/api/pods.js';
import { proveAuthorization, proveDiscovery, proveRefusals, proveRequests } from '../proofs/api/proof.js';
import { proveTrouble } from '../proofs/api/trouble.js';
import { Proof } from '../proofs/proof.js';
import { ballastImage } from '../steps/ballast-image.js';
import { clusterGoals } from '../steps/cluster.js';
import { counterImage } from '../steps/counter-image.js';
import { counterManifest } from '../workloads/counter-pod.js';

export default task({
  name: 'e2e:api',
  summary: 'Proves the checkpoint endpoint of the API server: requests, refusals, rights, audit, discovery.',
  manual: [
    'It builds and creates what is missing, as cluster:up does. It also proves that nobody who goes away in the middle leaves a container',
    'paused.',
  ],
  flags: clusterFlags,
  options: clusterOptions,
  async run({ ctx, print, printJson }) {
    const { ports } = await readClusterConfig(ctx.options.clusterConfig);
    await bringAbout(ctx, [...clusterGoals(ctx), counterImage, ballastImage], { before: machineFits(ctx, { ports }) });
    const { counter, ballast } = imageNames(ctx.options);
    for (const image of [counter, ballast]) await loadImage(ctx, image);
    const proof = new Proof(ctx, 'e2e:api');
    const api = await openApi(ctx);
    try {
      await makePods(ctx);
      await makeCounter2(ctx, await counterManifest(ctx, 'counter2-pod.yaml'));
      await proveRequests(ctx, proof, api);
      await proveRefusals(ctx, proof, api);
      await proveAuthorization(ctx, proof, api);
      await proveDiscovery(ctx, proof);
      await proveTrouble(ctx, proof, api);
    } finally {
      await api.close();
      await removePods(ctx);
    }
    print(proof.summary());
    printJson({ proven: proof.proven.map((entry) => ({ ...entry })) });
    return undefined;
  },
});
