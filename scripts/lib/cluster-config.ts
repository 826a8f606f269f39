import { readFile } from 'node:fs/promises';
import path from 'node:path';
import YAML from 'yaml';
import { z } from 'zod';
import { messageOf, UsageError } from './errors.js';

/** What the toolkit itself needs to know of a kind configuration; kind checks the rest. */
const configSchema = z.looseObject({
  kind: z.literal('Cluster'),
  apiVersion: z.literal('kind.x-k8s.io/v1alpha4'),
  name: z.string().optional(),
  nodes: z
    .array(z.looseObject({ role: z.enum(['control-plane', 'worker']).optional() }))
    .min(1)
    .nullish(),
  networking: z.looseObject({ disableDefaultCNI: z.boolean().nullish() }).nullish(),
});

/** A kind cluster configuration. */
export interface ClusterConfig {
  readonly file: string;
  /** The file's text. */
  readonly text: string;
  /** True when the user brings a CNI of their own: nodes get Ready only with that. */
  readonly ownCni: boolean;
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
  return { file, text, ownCni: parsed.data.networking?.disableDefaultCNI === true };
}

function invalid(file: string, details: string[]): UsageError {
  return new UsageError(`${path.basename(file)} is not a kind cluster configuration`, {
    details: [file, ...details],
    hint: 'The format: https://kind.sigs.k8s.io/docs/user/configuration/',
  });
}
