import * as z from 'zod';
import { clusterFlags, clusterOptions, nameFlag } from '../lib/cli/cluster-flags.js';
import { table } from '../lib/cli/table.js';
import { task } from '../lib/cli/task.js';
import { kubectlJson } from '../lib/cluster/kubectl.js';
import { nodeContainers } from '../lib/cluster/node.js';
import { readProfile } from '../lib/cluster/profile.js';
import { plan } from '../lib/engine/plan.js';
import { clusterStep } from '../steps/cluster.js';

const nodeList = z.looseObject({
  items: z.array(
    z.looseObject({
      metadata: z.looseObject({ name: z.string() }),
      status: z.looseObject({
        conditions: z.array(z.looseObject({ type: z.string(), status: z.string() })),
        nodeInfo: z.looseObject({ kubeletVersion: z.string(), containerRuntimeVersion: z.string() }),
      }),
    }),
  ),
});

export default task({
  name: 'cluster:status',
  summary: 'Shows the cluster’s nodes, and whether it still matches its configuration and image.',
  manual: ['Exit code 1 when it does not serve: there is none, its API server does not answer, or a node is not ready.'],
  flags: { ...nameFlag, config: clusterFlags.config },
  options: clusterOptions,
  async run({ ctx, print, printJson }) {
    const { clusterName } = ctx.options;
    const containers = await nodeContainers(ctx, clusterName);
    if (containers.length === 0) {
      print(`there is no cluster ${clusterName}; npm run cluster:up makes one`);
      printJson({ cluster: clusterName, exists: false, serves: false, nodes: [], outdated: null });
      return 1;
    }
    const known = await kubectlJson(ctx, ['get', 'nodes', '--request-timeout=5s'], nodeList).catch(() => undefined);
    const nodes = containers.map(({ name, role, state }) => {
      const status = known?.items.find(({ metadata }) => metadata.name === name)?.status;
      return {
        name,
        role,
        container: state,
        ready: status?.conditions.some(({ type, status: value }) => type === 'Ready' && value === 'True') ?? false,
        kubelet: status?.nodeInfo.kubeletVersion ?? null,
        runtime: status?.nodeInfo.containerRuntimeVersion ?? null,
      };
    });
    const outdated = (await plan([clusterStep(ctx.options, readProfile(ctx))], ctx)).at(-1)?.reason ?? null;
    const serves = known !== undefined && nodes.every(({ ready }) => ready);
    print(
      table(
        ['node', 'role', 'container', 'ready', 'kubelet', 'runtime'],
        nodes.map((node) => [node.name, node.role, node.container, node.ready ? 'yes' : 'no', node.kubelet ?? '–', node.runtime ?? '–']),
      ),
    );
    print(
      known === undefined
        ? 'the API server does not answer'
        : outdated === null
          ? 'it matches its configuration and image'
          : `it no longer matches: ${outdated}`,
    );
    printJson({ cluster: clusterName, exists: true, serves, nodes, outdated });
    return serves ? 0 : 1;
  },
});
