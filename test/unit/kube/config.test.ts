import path from 'node:path';
import { describe, expect, test } from 'vitest';
import YAML from 'yaml';
import { UsageError } from '../../../scripts/lib/core/errors.js';
import { loadKubeConfig } from '../../../scripts/lib/kube/config.js';
import { put, temporaryFolder } from '../../support/context.js';

/** A kubeconfig with a cluster, a user and a context of each name. */
function config(names: readonly string[], current?: string, server = (name: string) => `https://${name}.invalid:6443`): string {
  return YAML.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: names.map((name) => ({ name, cluster: { server: server(name), 'certificate-authority': 'ca.crt' } })),
    users: names.map((name) => ({ name, user: { token: `token of ${name}` } })),
    contexts: names.map((name) => ({ name, context: { cluster: name, user: name, namespace: `ns-of-${name}` } })),
    ...(current === undefined ? {} : { 'current-context': current }),
  });
}

describe('the kubeconfig', () => {
  test('is what KUBECONFIG names, its current context included', async () => {
    const file = await put(path.join(temporaryFolder(), 'config'), config(['a', 'b'], 'b'));
    const loaded = await loadKubeConfig({ KUBECONFIG: file });
    expect(loaded.context).toBe('b');
    expect(loaded.cluster).toMatchObject({ server: 'https://b.invalid:6443', caFile: path.join(path.dirname(file), 'ca.crt') });
    expect(loaded.user).toMatchObject({ token: 'token of b' });
  });

  test('is ~/.kube/config otherwise', async () => {
    const home = temporaryFolder();
    await put(path.join(home, '.kube', 'config'), config(['a'], 'a'));
    expect((await loadKubeConfig({ HOME: home, KUBECONFIG: '' })).context).toBe('a');
  });

  test('may be several files: what is missing is passed over, the first of a name holds', async () => {
    const folder = temporaryFolder();
    const first = await put(path.join(folder, 'first'), config(['a'], 'a'));
    const second = await put(
      path.join(folder, 'second'),
      config(['a', 'b'], 'b', (name) => `https://second-${name}.invalid`),
    );
    const empty = await put(path.join(folder, 'empty'), '\n');
    const env = { KUBECONFIG: [path.join(folder, 'missing'), empty, first, second].join(path.delimiter) };
    const loaded = await loadKubeConfig(env);
    expect(loaded.context).toBe('a');
    expect(loaded.cluster.server).toBe('https://a.invalid:6443');
    expect((await loadKubeConfig(env, { context: 'b' })).cluster.server).toBe('https://second-b.invalid');
  });

  test('is the one named, in the context named', async () => {
    const folder = temporaryFolder();
    const named = await put(path.join(folder, 'named'), config(['a', 'b'], 'a'));
    const loaded = await loadKubeConfig({ KUBECONFIG: path.join(folder, 'other') }, { kubeconfig: named, context: 'b' });
    expect(loaded.namespace).toBe('ns-of-b');
  });

  test('may lead to plain HTTP, as behind kubectl proxy', async () => {
    const file = await put(
      path.join(temporaryFolder(), 'config'),
      config(['a'], 'a', () => 'http://127.0.0.1:8001'),
    );
    expect((await loadKubeConfig({ KUBECONFIG: file })).cluster.server).toBe('http://127.0.0.1:8001');
  });

  test('may hold broken entries that nobody asks for', async () => {
    const text = `${config(['a'], 'a').replace('clusters:\n', 'clusters:\n  - name: broken\n')}`;
    const file = await put(path.join(temporaryFolder(), 'config'), text);
    expect((await loadKubeConfig({ KUBECONFIG: file })).cluster.name).toBe('a');
  });

  test.each([
    { name: 'is nowhere', text: undefined, choice: {}, message: 'there is no kubeconfig' },
    { name: 'is no YAML', text: 'a: [', choice: {}, message: 'the kubeconfig cannot be read: ' },
    { name: 'has no current context', text: config(['a']), choice: {}, message: 'the kubeconfig has no current context' },
    { name: 'is empty', text: '', choice: {}, message: 'the kubeconfig has no current context' },
    { name: 'lacks the context', text: config(['a'], 'a'), choice: { context: 'b' }, message: 'the kubeconfig has no context b' },
    {
      name: 'lacks the cluster',
      text: config(['a'], 'a').replace('cluster: a', 'cluster: b'),
      choice: {},
      message: 'the context a names a cluster that the kubeconfig does not have',
    },
  ])('that $name is refused', async ({ text, choice, message }) => {
    const file = path.join(temporaryFolder(), 'config');
    if (text !== undefined) await put(file, text);
    const refused = await loadKubeConfig({ KUBECONFIG: file }, choice).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(UsageError);
    expect((refused as UsageError).message).toContain(message);
  });

  test('that is named must be there', async () => {
    const file = path.join(temporaryFolder(), 'config');
    await expect(loadKubeConfig({}, { kubeconfig: file })).rejects.toThrow(`the kubeconfig cannot be read: ${file}`);
  });
});
