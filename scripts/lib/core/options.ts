import path from 'node:path';
import type { Options } from './context.js';
import { UsageError } from './errors.js';

/** How long the name of an instance may be: its cluster's name, and those of the nodes, must still be host names. */
const INSTANCE_LENGTH = 32;
const CLUSTER_LENGTH = 'checkpoint-'.length + INSTANCE_LENGTH;

/** The profile that holds when nothing else is said. */
const DEFAULT_PROFILE = 'default';

/** Refuses what Docker does not take as a tag, or kind not as a cluster's name. */
function checkName(where: string, name: string, longest: number): void {
  if (/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(name) && name.length <= longest) return;
  throw new UsageError(`${where}: "${name}" is not a name of at most ${longest} lower-case letters, digits and dashes`);
}

/** Refuses what cannot be the name of a file in cluster/profiles, or part of an image's tag. */
function checkProfile(name: string): void {
  if (/^[a-z0-9]+([.-][a-z0-9]+)*$/.test(name)) return;
  throw new UsageError(`--profile: "${name}" is not a name of lower-case letters, digits, dots and dashes`);
}

/** The name of a cluster where none is chosen: by instance and profile, so that several can be up at once. */
function defaultClusterName(instance: string, profile: string): string {
  const parts = [instance === 'latest' ? '' : instance, profile === DEFAULT_PROFILE ? '' : profile.replaceAll('.', '-')];
  return ['checkpoint', ...parts.filter((part) => part !== '')].join('-');
}

/**
 * The options of a run: what the flags say, else the environment, else the defaults.
 * @throws UsageError when the name of the instance, the profile or the cluster is not usable
 */
export function makeOptions(root: string, env: NodeJS.ProcessEnv, chosen: Partial<Options>): Options {
  const instance = chosen.instance ?? (env['KIND_CHECKPOINT_INSTANCE'] || 'latest');
  checkName('KIND_CHECKPOINT_INSTANCE', instance, INSTANCE_LENGTH);
  const profile = chosen.profile ?? (env['KIND_CHECKPOINT_PROFILE'] || DEFAULT_PROFILE);
  checkProfile(profile);
  const clusterName = chosen.clusterName ?? defaultClusterName(instance, profile);
  checkName('--name', clusterName, CLUSTER_LENGTH);
  return {
    instance,
    profile,
    clusterName,
    clusterConfig: chosen.clusterConfig ?? path.join(root, 'cluster', 'cluster.yaml'),
    kubernetes: chosen.kubernetes ?? (env['KIND_CHECKPOINT_KUBERNETES'] ? path.resolve(env['KIND_CHECKPOINT_KUBERNETES']) : undefined),
    recreate: chosen.recreate ?? false,
  };
}

/** Names of the images of an instance, in one place. Those of nodes are told apart by what is in them, see `nodeImageNames`. */
export function imageNames({ instance }: Pick<Options, 'instance'>): {
  counter: string;
  ballast: string;
  server: string;
  witness: string;
} {
  return { counter: `counter:${instance}`, ballast: `ballast:${instance}`, server: `server:${instance}`, witness: `witness:${instance}` };
}

/**
 * Names of the images that nodes are made of.
 * @param variant of the components in them; none for what `npm run setup` makes
 */
export function nodeImageNames({ instance }: Pick<Options, 'instance'>, variant?: string): { base: string; node: string } {
  const tag = variant === undefined ? instance : `${instance}-${variant}`;
  return { base: `kindest/base:${tag}`, node: `kindest/node:${tag}` };
}
