import { clusterOptions, nameFlag } from '../lib/cluster-flags.js';
import { nodeContainers } from '../lib/node.js';
import { task } from '../lib/task.js';
import { bringAbout } from '../lib/tasks.js';
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
