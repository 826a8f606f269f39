import path from 'node:path';
import type { Options } from '../core/context.js';
import type { Flags } from './task.js';

/** The flag of every task that asks what nodes are made of. */
export const profileFlag = {
  profile: { type: 'string', value: 'NAME', help: 'what its nodes are made of: a file of cluster/profiles (default: default)' },
} as const satisfies Flags;

/** The flags of every task that talks to a cluster. */
export const nameFlag = {
  name: { type: 'string', value: 'NAME', help: 'the cluster (default: checkpoint, with a profile checkpoint-PROFILE)' },
  ...profileFlag,
} as const satisfies Flags;

/** The flags of tasks that may create a cluster. */
export const clusterFlags = {
  ...nameFlag,
  config: { type: 'string', value: 'PATH', help: 'its configuration, in kind’s format (default: cluster/cluster.yaml)' },
  kubernetes: { type: 'string', value: 'PATH', help: 'build this Kubernetes checkout instead of the pin' },
  recreate: { type: 'boolean', help: 'make the cluster anew when it no longer matches its configuration or image' },
} as const satisfies Flags;

/** What those flags say about the run. */
export function clusterOptions(flags: {
  name?: string | undefined;
  profile?: string | undefined;
  config?: string | undefined;
  kubernetes?: string | undefined;
  recreate?: boolean;
}): Partial<Options> {
  return {
    ...(flags.name === undefined ? {} : { clusterName: flags.name }),
    ...(flags.profile === undefined ? {} : { profile: flags.profile }),
    ...(flags.config === undefined ? {} : { clusterConfig: path.resolve(flags.config) }),
    ...(flags.kubernetes === undefined ? {} : { kubernetes: path.resolve(flags.kubernetes) }),
    ...(flags.recreate === true ? { recreate: true } : {}),
  };
}
