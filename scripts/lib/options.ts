import path from 'node:path';
import type { Options } from './context.js';
import { UsageError } from './errors.js';

/** A name that Docker takes as a tag and kind as part of a cluster name. */
const INSTANCE = /^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$/;

/**
 * The options of a run: what the flags say, else the environment, else the defaults.
 * @throws UsageError when the instance or cluster name is not usable
 */
export function makeOptions(root: string, env: NodeJS.ProcessEnv, chosen: Partial<Options>): Options {
  const instance = chosen.instance ?? (env['KIND_CHECKPOINT_INSTANCE'] || 'latest');
  if (!INSTANCE.test(instance))
    throw new UsageError(`KIND_CHECKPOINT_INSTANCE: "${instance}" is not a name of lower-case letters, digits and dashes`);
  const clusterName = chosen.clusterName ?? (instance === 'latest' ? 'checkpoint' : `checkpoint-${instance}`);
  if (!INSTANCE.test(clusterName)) throw new UsageError(`--name: "${clusterName}" is not a name of lower-case letters, digits and dashes`);
  return {
    instance,
    clusterName,
    clusterConfig: chosen.clusterConfig ?? path.join(root, 'cluster', 'cluster.yaml'),
    kubernetes: chosen.kubernetes,
    recreate: chosen.recreate ?? false,
  };
}

/** Names of the images of an instance, in one place. */
export function imageNames({ instance }: Pick<Options, 'instance'>): { base: string; node: string; counter: string } {
  return { base: `kindest/base:${instance}`, node: `kindest/node:${instance}`, counter: `counter:${instance}` };
}
