import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import YAML from 'yaml';
import * as z from 'zod';
import type { Context } from '../core/context.js';
import { ToolkitError } from '../core/errors.js';
import { kubectl } from './kubectl.js';

const kubeconfig = z.looseObject({
  clusters: z.array(z.looseObject({ cluster: z.looseObject({ server: z.string(), 'certificate-authority-data': z.string() }) })).length(1),
  users: z
    .array(z.looseObject({ user: z.looseObject({ 'client-certificate-data': z.string(), 'client-key-data': z.string() }) }))
    .length(1),
});

/** The API server of the toolkit's cluster, as curl(1) asks it. */
export interface Admin {
  /** Its address. */
  readonly server: string;
  /** Arguments of curl for direct TLS with the administrator's client certificate. */
  readonly asAdmin: readonly string[];
  /** Arguments of curl for direct TLS with a token. */
  withToken(token: string): readonly string[];
  /** Removes the key. */
  close(): Promise<void>;
}

/** Lays the administrator's certificate and key into files, until they are removed. */
export async function openAdmin(ctx: Context): Promise<Admin> {
  const folder = await mkdtemp(path.join(tmpdir(), 'api-'));
  const { stdout } = await kubectl(ctx, ['config', 'view', '--raw', '--minify', '--flatten']);
  const config = kubeconfig.parse(YAML.parse(stdout));
  const write = async (name: string, base64: string): Promise<string> => {
    const file = path.join(folder, name);
    await writeFile(file, Buffer.from(base64, 'base64'), { mode: 0o600 });
    return file;
  };
  const [cluster, user] = [config.clusters[0]?.cluster, config.users[0]?.user];
  if (cluster === undefined || user === undefined) throw new ToolkitError('the kubeconfig has no cluster and user for the context');
  const ca = await write('ca.crt', cluster['certificate-authority-data']);
  const certificate = await write('client.crt', user['client-certificate-data']);
  const key = await write('client.key', user['client-key-data']);
  return {
    server: cluster.server,
    asAdmin: ['--cacert', ca, '--cert', certificate, '--key', key],
    withToken: (token) => ['--cacert', ca, '--header', `Authorization: Bearer ${token}`],
    close: () => rm(folder, { recursive: true, force: true }),
  };
}
