import { openApi } from '../lib/api-access.js';
import { makeCounter2, makePods, removePods } from '../lib/api-pods.js';
import { proveAuthorization, proveDiscovery, proveRefusals, proveRequests } from '../lib/api-proof.js';
import { proveTrouble } from '../lib/api-trouble.js';
import { readClusterConfig } from '../lib/cluster-config.js';
import { clusterFlags, clusterOptions } from '../lib/cluster-flags.js';
import { counterManifest } from '../lib/counter-pod.js';
import { machineFits } from '../lib/host/doctor/before-run.js';
import { loadImage } from '../lib/image-load.js';
import { imageNames } from '../lib/options.js';
import { Proof } from '../lib/proof.js';
import { task } from '../lib/task.js';
import { bringAbout } from '../lib/tasks.js';
import { ballastImage } from '../steps/ballast-image.js';
import { clusterGoals } from '../steps/cluster.js';
import { counterImage } from '../steps/counter-image.js';

export default task({
  name: 'e2e:api',
  summary: 'Proves the checkpoint endpoint of the API server: requests, refusals, rights, discovery, trouble.',
  flags: clusterFlags,
  options: clusterOptions,
  async run({ ctx, print, printJson }) {
    const { ports } = await readClusterConfig(ctx.options.clusterConfig);
    await bringAbout(ctx, [...clusterGoals(ctx.options), counterImage, ballastImage], { before: machineFits(ctx, { ports }) });
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
