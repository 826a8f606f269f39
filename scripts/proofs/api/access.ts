import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import YAML from 'yaml';
import * as z from 'zod';
import { kubeContext, kubectl } from '../../lib/cluster/kubectl.js';
import type { Context } from '../../lib/core/context.js';
import { ToolkitError } from '../../lib/core/errors.js';

const kubeconfig = z.looseObject({
  clusters: z.array(z.looseObject({ cluster: z.looseObject({ server: z.string(), 'certificate-authority-data': z.string() }) })).length(1),
  users: z
    .array(z.looseObject({ user: z.looseObject({ 'client-certificate-data': z.string(), 'client-key-data': z.string() }) }))
    .length(1),
});

/** Ways to the API server of the cluster. */
export interface ApiAccess {
  /** `http://127.0.0.1:PORT` of a running `kubectl proxy`. */
  readonly proxy: string;
  /** The API server itself. */
  readonly server: string;
  /** Arguments of curl for direct TLS with the administrator's client certificate. */
  readonly asAdmin: readonly string[];
  /** Arguments of curl for direct TLS with a token. */
  withToken(token: string): readonly string[];
  /** Ends the proxy and removes the key. */
  close(): Promise<void>;
}

/** Opens all ways to the API server. */
export async function openApi(ctx: Context): Promise<ApiAccess> {
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
  const { address, end } = await startProxy(ctx);
  return {
    proxy: address,
    server: cluster.server,
    asAdmin: ['--cacert', ca, '--cert', certificate, '--key', key],
    withToken: (token) => ['--cacert', ca, '--header', `Authorization: Bearer ${token}`],
    close: async () => {
      await end();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Starts `kubectl proxy` on a free port, of the built kubectl. It outlives no run. */
async function startProxy(ctx: Context): Promise<{ address: string; end: () => Promise<void> }> {
  const child = spawn(path.join(ctx.paths.bin, 'kubectl'), ['--context', kubeContext(ctx.options.clusterName), 'proxy', '--port', '0'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: ctx.env,
  });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const end = async (): Promise<void> => {
    child.kill();
    await exited;
  };
  ctx.signal.addEventListener('abort', () => child.kill(), { once: true });
  let output = '';
  const port = await new Promise<string>((resolve, reject) => {
    const onData = (chunk: Buffer): void => {
      output += chunk.toString();
      const found = /127\.0\.0\.1:(\d+)/.exec(output)?.[1];
      if (found !== undefined) resolve(found);
    };
    child.stdout.on('data', onData);
    child.stderr.on('data', onData);
    child.once('error', reject);
    void exited.then(() => reject(new ToolkitError('kubectl proxy ended by itself', { details: [output] })));
  });
  return { address: `http://localhost:${port}`, end };
}
