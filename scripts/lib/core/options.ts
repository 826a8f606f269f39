import path from 'node:path';
import type { Options } from './context.js';
import { UsageError } from './errors.js';

/** How long the name of an instance may be: its cluster's name, and those of the nodes, must still be host names. */
const INSTANCE_LENGTH = 32;
const CLUSTER_LENGTH = 'checkpoint-'.length + INSTANCE_LENGTH;

/** Refuses what Docker does not take as a tag, or kind not as a cluster's name. */
function checkName(where: string, name: string, longest: number): void {
  if (/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(name) && name.length <= longest) return;
  throw new UsageError(`${where}: "${name}" is not a name of at most ${longest} lower-case letters, digits and dashes`);
}

/**
 * The options of a run: what the flags say, else the environment, else the defaults.
 * @throws UsageError when the instance or cluster name is not usable
 */
export function makeOptions(root: string, env: NodeJS.ProcessEnv, chosen: Partial<Options>): Options {
  const instance = chosen.instance ?? (env['KIND_CHECKPOINT_INSTANCE'] || 'latest');
  checkName('KIND_CHECKPOINT_INSTANCE', instance, INSTANCE_LENGTH);
  const clusterName = chosen.clusterName ?? (instance === 'latest' ? 'checkpoint' : `checkpoint-${instance}`);
  checkName('--name', clusterName, CLUSTER_LENGTH);
  return {
    instance,
    clusterName,
    clusterConfig: chosen.clusterConfig ?? path.join(root, 'cluster', 'cluster.yaml'),
    kubernetes: chosen.kubernetes ?? (env['KIND_CHECKPOINT_KUBERNETES'] ? path.resolve(env['KIND_CHECKPOINT_KUBERNETES']) : undefined),
    recreate: chosen.recreate ?? false,
  };
}

/** Names of the images of an instance, in one place. */
export function imageNames({ instance }: Pick<Options, 'instance'>): {
  base: string;
  node: string;
  counter: string;
  ballast: string;
} {
  return {
    base: `kindest/base:${instance}`,
    node: `kindest/node:${instance}`,
    counter: `counter:${instance}`,
    ballast: `ballast:${instance}`,
  };
}
