import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import YAML from 'yaml';
import { kubectl } from '../../scripts/lib/cluster/kubectl.js';
import { checkout } from '../support/checkout.js';
import { counterImage } from '../support/names.js';
import { type Plugin, POD, startPlugin, WITHOUT_DOCKER } from '../support/plugin.js';

let plugin: Plugin;

beforeAll(async () => {
  plugin = await startPlugin();
});

afterAll(async () => {
  await plugin.dispose();
});

describe('kubectl checkpoint with a kubeconfig of one’s own', () => {
  const manifest = path.join(checkout, 'manifests', 'kubectl-checkpoint-rbac.yaml');
  let kubeconfig: string;

  beforeAll(async () => {
    await kubectl(plugin.ctx, ['apply', '--filename', manifest]);
    await kubectl(plugin.ctx, ['create', 'namespace', 'plugin-other']);
    const { stdout: token } = await kubectl(plugin.ctx, ['create', 'token', 'kubectl-checkpoint']);
    const config = YAML.parse((await kubectl(plugin.ctx, ['config', 'view', '--raw', '--minify'])).stdout) as {
      clusters: Array<{ name: string }>;
    };
    const [cluster] = config.clusters;
    kubeconfig = path.join(plugin.folder, 'kubeconfig');
    const text = YAML.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [cluster, { name: 'nowhere', cluster: { server: 'https://127.0.0.1:1' } }],
      users: [{ name: 'account', user: { token } }],
      contexts: [
        { name: 'account', context: { cluster: cluster?.name, user: 'account' } },
        { name: 'other', context: { cluster: cluster?.name, user: 'account', namespace: 'plugin-other' } },
        { name: 'nowhere', context: { cluster: 'nowhere', user: 'account' } },
      ],
      'current-context': 'nowhere',
    });
    await writeFile(kubeconfig, text, { mode: 0o600 });
  });

  afterAll(async () => {
    await kubectl(plugin.ctx, ['delete', '--filename', manifest, '--ignore-not-found']);
    await kubectl(plugin.ctx, ['delete', 'namespace', 'plugin-other', '--wait=false']);
    await rm(kubeconfig, { force: true });
  });

  test('the context that is named holds, by flag and by KUBECONFIG', async () => {
    const gone = await plugin.run([POD, '--kubeconfig', kubeconfig]);
    expect(gone.exitCode).toBe(1);
    expect(gone.stderr).toContain('the API server does not answer: https://127.0.0.1:1');
    await plugin.json([POD, '--kubeconfig', kubeconfig, '--context', 'account']);
    await plugin.json([POD, '--context', 'account'], { KUBECONFIG: `/nowhere/config${path.delimiter}${kubeconfig}` });
  });

  test.each(['api', 'node-proxy'])('a service account with what the manifest grants may ask through %s', async (via) => {
    const { exitCode, stdout, stderr } = await plugin.run([
      POD,
      '--kubeconfig',
      kubeconfig,
      '--context',
      'account',
      '--via',
      via,
      '--json',
    ]);
    if (via === 'api' && !plugin.hasSubresource) return expect(exitCode).toBe(2);
    expect(exitCode, stderr).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ via });
  });

  test('it may fetch, list and remove through pods', async () => {
    const as = ['--kubeconfig', kubeconfig, '--context', 'account', '--helper-image', counterImage];
    const { archive, local } = await plugin.json([POD, '-o', 'sa.tar', ...as], WITHOUT_DOCKER);
    expect(local?.by).toBe('pod');
    await rm(path.join(plugin.folder, 'sa.tar'));
    const { archives: listed } = await plugin.json<{ archives: Array<{ path: string }> }>(['ls', ...as], WITHOUT_DOCKER);
    expect(listed.map((one) => one.path)).toContain(archive);
    await plugin.json(['rm', archive, ...as], WITHOUT_DOCKER);
    expect(await plugin.helperPods()).toBe('');
  });

  test('it may do nothing in another namespace, and is told what is needed', async () => {
    for (const args of [
      ['-n', 'plugin-other', '--context', 'account'],
      ['--context', 'other'],
    ]) {
      const { exitCode, stderr } = await plugin.run([POD, '--kubeconfig', kubeconfig, ...args]);
      expect(exitCode).toBe(1);
      expect(stderr).toContain('the API server answered 403');
      expect(stderr).toContain('manifests/kubectl-checkpoint-rbac.yaml');
    }
  });

  test('without a right, the right that is lacking is named', async () => {
    await kubectl(plugin.ctx, ['delete', 'clusterrolebinding', 'kubectl-checkpoint-node-proxy', 'kubectl-checkpoint-nodes']);
    const as = ['--kubeconfig', kubeconfig, '--context', 'account'];
    const refused = await plugin.run([POD, '--via', 'node-proxy', ...as]);
    expect(refused.exitCode).toBe(1);
    expect(refused.stderr).toContain('cannot create resource "nodes/proxy"');
    expect((await plugin.run(['ls', ...as])).stderr).toContain('cannot list resource "nodes"');
    // The node object may not be read either: the checkpoint itself does not need it.
    if (plugin.hasSubresource) await plugin.json([POD, '--via', 'api', ...as]);
  });
});
