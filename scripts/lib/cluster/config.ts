import { readFile } from 'node:fs/promises';
import path from 'node:path';
import YAML from 'yaml';
import * as z from 'zod';
import { messageOf, UsageError } from '../core/errors.js';

/** A port of this machine that leads into a node; kind takes protocols in any case. */
const portMapping = z.looseObject({
  hostPort: z.number().nullish(),
  listenAddress: z.string().nullish(),
  protocol: z.string().nullish(),
});

/** What the toolkit itself needs to know of a kind configuration; kind checks the rest. */
const configSchema = z.looseObject({
  kind: z.literal('Cluster'),
  apiVersion: z.literal('kind.x-k8s.io/v1alpha4'),
  name: z.string().optional(),
  nodes: z
    .array(
      z.looseObject({
        role: z.enum(['control-plane', 'worker']).optional(),
        extraPortMappings: z.array(portMapping).nullish(),
        extraMounts: z.array(z.looseObject({ containerPath: z.string().nullish() })).nullish(),
      }),
    )
    .min(1)
    .nullish(),
  networking: z
    .looseObject({
      disableDefaultCNI: z.boolean().nullish(),
      apiServerPort: z.number().nullish(),
      apiServerAddress: z.string().nullish(),
    })
    .nullish(),
});

/** A kind cluster configuration. */
export interface ClusterConfig {
  readonly file: string;
  /** The file's text. */
  readonly text: string;
  /** True when the user brings a CNI of their own: nodes get Ready only with that. */
  readonly ownCni: boolean;
  /** Ports of this machine that the cluster wants for itself. */
  readonly ports: readonly HostPort[];
}

/** A port of this machine. */
export interface HostPort {
  readonly port: number;
  readonly protocol: 'tcp' | 'udp';
  /** Address that it is bound to; all of them where there is none. */
  readonly address: string | undefined;
}

/** Reads a kind configuration. @throws UsageError that names the line or the field */
export async function readClusterConfig(file: string): Promise<ClusterConfig> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`the cluster configuration cannot be read: ${file}`, {
      details: [error.code === 'ENOENT' ? 'There is no such file.' : error.message],
      hint: 'Name a file in kind’s format: --config PATH. The default is cluster/cluster.yaml.',
    });
  });
  const document = YAML.parseDocument(text);
  const [broken] = document.errors;
  if (broken !== undefined) throw invalid(file, broken.message.trim().split('\n'));
  let value: unknown;
  try {
    value = document.toJS();
  } catch (error) {
    throw invalid(file, [messageOf(error)]);
  }
  const parsed = configSchema.safeParse(value);
  if (!parsed.success) throw invalid(file, z.prettifyError(parsed.error).split('\n'));
  return { file, text, ownCni: parsed.data.networking?.disableDefaultCNI === true, ports: hostPorts(parsed.data) };
}

/** What the toolkit adds to a configuration. */
export interface Additions {
  /** Patches of containerd's configuration, after those that it has. */
  readonly containerdPatches: readonly string[];
  /** A folder of this machine that all nodes see, and where. One that has something there already keeps that. */
  readonly sharedFolder: { readonly hostPath: string; readonly containerPath: string };
}

/**
 * A configuration with what the toolkit adds.
 * @param text of a kind configuration that was read already
 */
export function withAdditions(text: string, { containerdPatches, sharedFolder }: Additions): string {
  const document = YAML.parseDocument(text);
  const own: unknown = document.toJS().containerdConfigPatches;
  if (containerdPatches.length > 0) document.set('containerdConfigPatches', [...(Array.isArray(own) ? own : []), ...containerdPatches]);
  const { nodes } = configSchema.parse(document.toJS());
  const mounted = (nodes ?? [{ role: 'control-plane' }]).map(({ extraMounts, ...node }) => {
    const mounts = extraMounts ?? [];
    const taken = mounts.some(({ containerPath }) => containerPath === sharedFolder.containerPath);
    return { ...node, extraMounts: taken ? mounts : [...mounts, sharedFolder] };
  });
  document.set('nodes', mounted);
  return document.toString();
}

/** What the nodes map, and the API server's where it is fixed. Zero stands for any port that is free. */
function hostPorts({ nodes, networking }: z.infer<typeof configSchema>): HostPort[] {
  const mapped = (nodes ?? [])
    .flatMap(({ extraPortMappings }) => extraPortMappings ?? [])
    .flatMap(({ hostPort, listenAddress, protocol }): HostPort[] => {
      const kind = (protocol || 'tcp').toLowerCase();
      if (kind !== 'tcp' && kind !== 'udp') return [];
      return hostPort == null ? [] : [{ port: hostPort, protocol: kind, address: listenAddress ?? undefined }];
    });
  const { apiServerPort, apiServerAddress } = networking ?? {};
  const api: HostPort[] = apiServerPort == null ? [] : [{ port: apiServerPort, protocol: 'tcp', address: apiServerAddress ?? '127.0.0.1' }];
  return [...mapped, ...api].filter(({ port }) => port > 0);
}

function invalid(file: string, details: string[]): UsageError {
  return new UsageError(`${path.basename(file)} is not a kind cluster configuration`, {
    details: [file, ...details],
    hint: 'The format: https://kind.sigs.k8s.io/docs/user/configuration/',
  });
}
