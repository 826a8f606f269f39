import { clusterOptions, nameFlag } from '../lib/cli/cluster-flags.js';
import { task } from '../lib/cli/task.js';
import { nodeContainers } from '../lib/cluster/node.js';
import { bringAbout } from '../lib/engine/bring-about.js';
import { deleteCluster } from '../steps/cluster.js';
import { kind } from '../steps/kind.js';

export default task({
  name: 'cluster:down',
  summary: 'Deletes the cluster and its kubeconfig context. What was built stays.',
  flags: nameFlag,
  options: clusterOptions,
  async run({ ctx, print, printJson }) {
    const { clusterName } = ctx.options;
    const nodes = await nodeContainers(ctx, clusterName);
    if (nodes.length > 0) {
      await bringAbout(ctx, [kind]);
      await deleteCluster(ctx);
    }
    print(nodes.length === 0 ? `there is no cluster ${clusterName}` : `cluster ${clusterName} is deleted`);
    printJson({ cluster: clusterName, deletedNodes: nodes.map(({ name }) => name) });
    return undefined;
  },
});
