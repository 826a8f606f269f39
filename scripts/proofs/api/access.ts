import { spawn } from 'node:child_process';
import path from 'node:path';
import { type Admin, openAdmin } from '../../lib/cluster/admin.js';
import { kubeContext } from '../../lib/cluster/kubectl.js';
import type { Context } from '../../lib/core/context.js';
import { ToolkitError } from '../../lib/core/errors.js';

/** Ways to the API server of the cluster. */
export interface ApiAccess extends Admin {
  /** `http://127.0.0.1:PORT` of a running `kubectl proxy`. */
  readonly proxy: string;
  /** Ends the proxy and removes the key. */
  close(): Promise<void>;
}

/** Opens all ways to the API server. */
export async function openApi(ctx: Context): Promise<ApiAccess> {
  const admin = await openAdmin(ctx);
  const { address, end } = await startProxy(ctx);
  return {
    ...admin,
    proxy: address,
    close: async () => {
      await end();
      await admin.close();
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
