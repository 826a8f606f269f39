import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import YAML from 'yaml';
import { readArchive } from '../../scripts/lib/archive.js';
import { applyAnew, countsPast, podCount } from '../../scripts/lib/counter-pod.js';
import { kubeContext, kubectl } from '../../scripts/lib/kubectl.js';
import { onNode } from '../../scripts/lib/node.js';
import { findContainer, type RunningContainer } from '../../scripts/lib/pod.js';
import { sha256OfFile } from '../../scripts/lib/sources.js';
import { clusterName, counterImage } from '../support/names.js';
import { realContext } from '../support/real.js';
import { toolkitJson } from '../support/toolkit.js';

const POD = 'plugin';
const CONTAINER = 'main';
const CONTEXT = kubeContext(clusterName);
const BY_POD = ['--fetch', 'pod', '--helper-image', counterImage];
const { ctx, dispose } = realContext();
const PATH = `${ctx.paths.bin}${path.delimiter}${process.env['PATH'] ?? ''}`;
/** As if the nodes were on other machines. */
const WITHOUT_DOCKER = { DOCKER_HOST: 'unix:///nowhere/docker.sock' };

let folder: string;
let container: RunningContainer;
let hasSubresource: boolean;

/** A checkpoint as `--json` tells it. */
interface Made {
  readonly node: string;
  readonly archive: string;
  readonly via: string;
  readonly local: { readonly file: string; readonly bytes: number; readonly sha256: string; readonly by: string } | null;
}

/** Calls the plugin as people do: through kubectl, from a folder of their own. */
async function plugin(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const { exitCode, stdout, stderr } = await execa(path.join(ctx.paths.bin, 'kubectl'), ['checkpoint', ...args], {
    cwd: folder,
    env: { PATH, ...env },
    reject: false,
    stdin: 'ignore',
  });
  return { exitCode: exitCode ?? -1, stdout, stderr };
}

async function pluginJson<T = Made>(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<T> {
  const { exitCode, stdout, stderr } = await plugin([...args, '--json'], env);
  expect(exitCode, stderr).toBe(0);
  return JSON.parse(stdout) as T;
}

const helperPods = async (): Promise<string> =>
  (await kubectl(ctx, ['get', 'pods', '-A', '-l', 'app.kubernetes.io/managed-by=kubectl-checkpoint', '--output', 'name'])).stdout;
const archives = async (): Promise<string[]> =>
  (await onNode(ctx, container.node, ['ls', '/var/lib/kubelet/checkpoints'])).stdout
    .split('\n')
    .filter((name) => name.includes(`_default-`));

beforeAll(async () => {
  await toolkitJson('setup');
  await toolkitJson('cluster:up');
  await toolkitJson('image:load', [counterImage]);
  folder = await mkdtemp(path.join(tmpdir(), 'plugin-'));
  const manifest = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: POD },
    spec: {
      terminationGracePeriodSeconds: 1,
      containers: [
        {
          name: CONTAINER,
          image: counterImage,
          imagePullPolicy: 'Never',
          // Holds some 80 MB, so that there is a middle of its transfer.
          command: [
            'sh',
            '-c',
            'echo changed >/etc/motd; rm /bin/zcat; x=$(head -c 60000000 /dev/urandom | base64); i=0; while true; do echo $i; i=$((i + 1)); sleep 0.1; done',
          ],
        },
      ],
    },
  };
  await applyAnew(ctx, JSON.stringify(manifest), POD);
  container = await findContainer(ctx, 'default', POD, undefined);
  await countsPast(ctx, POD, CONTAINER, 2);
  hasSubresource = (await kubectl(ctx, ['get', '--raw', '/api/v1'])).stdout.includes('"pods/checkpoint"');
});

afterAll(async () => {
  const left = (await archives()).filter((name) => name.startsWith(`checkpoint-${POD}_`));
  if (left.length > 0) await plugin(['rm', '--context', CONTEXT, ...left]);
  await kubectl(ctx, ['delete', 'pod', POD, '--now', '--ignore-not-found']);
  await rm(folder, { recursive: true, force: true });
  dispose();
});

describe('a checkpoint', () => {
  test('goes through the subresource where there is one, else through the node proxy, and says so', async () => {
    const { exitCode, stdout, stderr } = await plugin(['pod/plugin', '--context', CONTEXT]);
    expect(exitCode, stderr).toBe(0);
    expect(stdout).toMatch(hasSubresource ? /through the API server \(pods\/checkpoint\)/ : /through the node proxy/);
    if (!hasSubresource) expect(stderr).toContain('this API server has no pods/checkpoint');
    expect(stdout).toContain('every secret in it');
  });

  test.each(['node-proxy', 'kubelet'])('goes through --via %s, and the container goes on', async (via) => {
    const { last } = await podCount(ctx, POD, CONTAINER);
    const made = await pluginJson([POD, '--context', CONTEXT, '-n', 'default', '-c', CONTAINER, '--timeout', '5m', '--via', via]);
    expect(made).toMatchObject({ via, node: container.node, local: null });
    expect(await archives()).toContain(path.posix.basename(made.archive));
    await countsPast(ctx, POD, CONTAINER, last + 5);
    expect((await findContainer(ctx, 'default', POD, undefined)).restartCount).toBe(0);
  });

  test('goes through --via api where the API server has the subresource, and is refused clearly where it has not', async () => {
    const { exitCode, stdout, stderr } = await plugin([POD, '--context', CONTEXT, '--via', 'api', '--json']);
    expect(exitCode, stderr).toBe(hasSubresource ? 0 : 2);
    if (hasSubresource) expect(JSON.parse(stdout)).toMatchObject({ via: 'api', node: container.node });
    else expect(stderr).toContain('--via api: this API server has no pods/checkpoint');
  });

  test.each([
    { name: 'a pod that is not there', args: ['nope'], code: 1, message: 'there is no pod nope in the namespace default' },
    { name: 'a container that is not there', args: [POD, '-c', 'nope'], code: 2, message: 'It has: main' },
    { name: 'a context that is not there', args: [POD, '--context', 'nope'], code: 2, message: 'the kubeconfig has no context nope' },
    { name: 'a folder that is not there', args: [POD, '-o', '/nope/a.tar'], code: 2, message: 'there is no folder /nope' },
  ])('of $name is refused without a stack trace', async ({ args, code, message }) => {
    const { exitCode, stderr } = await plugin(args.includes('--context') ? args : [...args, '--context', CONTEXT]);
    expect(exitCode).toBe(code);
    expect(stderr).toContain(message);
    expect(stderr).not.toMatch(/\n\s+at /);
  });
});

describe('the archive', () => {
  test.each([
    { by: 'docker', args: [] as string[], env: {} },
    { by: 'pod', args: BY_POD, env: {} },
    // Nothing is asked for: it is the way to nodes of other machines.
    { by: 'pod', args: ['--helper-image', counterImage], env: WITHOUT_DOCKER },
  ])('is brought here by $by ($args): complete, mode 0600, no pod left', async ({ by, args, env }) => {
    const file = path.join(folder, 'a.tar');
    const made = await pluginJson([POD, '--context', CONTEXT, '-o', 'a.tar', ...args], env);
    expect(made.local).toMatchObject({ file, by });
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect((await readArchive(file)).id).toBe(container.id);
    const { stdout: there } = await onNode(ctx, container.node, ['sha256sum', made.archive]);
    expect(there.slice(0, 64)).toBe(await sha256OfFile(file));
    expect(made.local?.sha256).toBe(there.slice(0, 64));
    expect(await readdir(folder)).toEqual(['a.tar']);
    expect(await helperPods()).toBe('');
    await rm(file);
  });

  test('is not left in part by Ctrl-C, and no pod is', async () => {
    const run = spawn(path.join(ctx.paths.bin, 'kubectl'), ['checkpoint', POD, '--context', CONTEXT, '-o', 'cut.tar', ...BY_POD], {
      cwd: folder,
      env: { ...process.env, PATH },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let shown = '';
    run.stderr.on('data', (chunk: Buffer) => {
      shown += chunk.toString();
    });
    const ended = once(run, 'exit');
    const watch = setInterval(() => {
      void readdir(folder).then((names) => {
        if (names.some((name) => name.startsWith('cut.tar.'))) run.kill('SIGINT');
      });
    }, 5);
    const [code] = (await ended) as [number | null];
    clearInterval(watch);
    expect(code, shown).toBe(130);
    expect(shown).toContain('stopped by SIGINT');
    expect(shown).toContain('the checkpoint was made; its archive is on node');
    expect(await readdir(folder)).toEqual([]);
    expect(await helperPods()).toBe('');
  });

  test('is looked into', async () => {
    const { local } = await pluginJson([POD, '--context', CONTEXT, '-o', folder]);
    const file = local?.file ?? '';
    const seen = await pluginJson<Record<string, unknown>>(['inspect', file]);
    expect(seen).toMatchObject({
      file,
      image: expect.stringContaining(counterImage),
      namespace: 'default',
      pod: POD,
      container: CONTAINER,
      id: container.id,
      runtime: 'io.containerd.runc.v2',
      engine: 'containerd',
      processes: { pid: 1, command: 'sh' },
      sockets: [],
      changedFiles: [
        { path: '/bin/zcat', change: 'deleted' },
        { path: '/etc/motd', change: 'changed', bytes: 8 },
      ],
      gaps: [],
    });
    expect(seen['memoryBytes']).toBeGreaterThan(60_000_000);
    expect(seen['mounts']).toContainEqual(expect.objectContaining({ destination: '/etc/hosts' }));
    const { stdout } = await plugin(['inspect', path.basename(file)]);
    expect(stdout).toContain(`pod           default/${POD}`);
    expect(stdout).toContain('every secret in it');
    await rm(file);
  });

  test.each([
    { way: 'Docker', args: [] as string[] },
    { way: 'a pod', args: BY_POD },
  ])('is listed and removed through $way', async ({ args }) => {
    const { archive, node } = await pluginJson([POD, '--context', CONTEXT]);
    const name = path.posix.basename(archive);
    const listed = await pluginJson<{ archives: unknown[] }>(['ls', '--context', CONTEXT, '-n', 'default', ...args]);
    expect(listed.archives).toContainEqual(
      expect.objectContaining({ node, name, path: archive, namespace: 'default', pod: POD, container: CONTAINER }),
    );
    expect(await pluginJson(['ls', '--context', CONTEXT, '-n', 'kube-public', ...args])).toEqual({ archives: [], notLookedInto: [] });
    expect(await pluginJson(['rm', '--context', CONTEXT, name, ...args])).toEqual({ removed: [{ node, path: archive }] });
    expect(await archives()).not.toContain(name);
    expect(await helperPods()).toBe('');
    expect((await plugin(['rm', '--context', CONTEXT, name, ...args])).stderr).toContain(`${name}: not on any node`);
  });

  test('cannot be a file elsewhere on the node', async () => {
    const { exitCode, stderr } = await plugin(['rm', '--context', CONTEXT, '/var/lib/kubelet/checkpoints/../config.yaml']);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('is no archive in /var/lib/kubelet/checkpoints');
  });
});

describe('of a node that is not of this machine', () => {
  test('the kubelet itself cannot be asked', async () => {
    const { exitCode, stderr } = await plugin([POD, '--context', CONTEXT, '--via', 'kubelet'], WITHOUT_DOCKER);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('--via kubelet: node');
  });

  test('a failure says what could not be looked at', async () => {
    await onNode(ctx, container.node, ['mv', '/usr/local/sbin/criu', '/usr/local/sbin/criu.away']);
    try {
      const { exitCode, stderr } = await plugin([POD, '--context', CONTEXT], WITHOUT_DOCKER);
      expect(exitCode).toBe(1);
      expect(stderr).toContain(`node ${container.node} cannot be looked into`);
      expect(stderr).toContain(`could not be checkpointed`);
    } finally {
      await onNode(ctx, container.node, ['mv', '/usr/local/sbin/criu.away', '/usr/local/sbin/criu']);
    }
  });
});

describe('with a kubeconfig of one’s own', () => {
  const manifest = ctx.paths.inRoot('manifests', 'kubectl-checkpoint-rbac.yaml');
  let kubeconfig: string;

  beforeAll(async () => {
    await kubectl(ctx, ['apply', '--filename', manifest]);
    await kubectl(ctx, ['create', 'namespace', 'plugin-other']);
    const { stdout: token } = await kubectl(ctx, ['create', 'token', 'kubectl-checkpoint']);
    const config = YAML.parse((await kubectl(ctx, ['config', 'view', '--raw', '--minify'])).stdout) as {
      clusters: Array<{ name: string }>;
    };
    const [cluster] = config.clusters;
    kubeconfig = path.join(folder, 'kubeconfig');
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
    await kubectl(ctx, ['delete', '--filename', manifest, '--ignore-not-found']);
    await kubectl(ctx, ['delete', 'namespace', 'plugin-other', '--wait=false']);
    await rm(kubeconfig, { force: true });
  });

  test('the context that is named holds, by flag and by KUBECONFIG', async () => {
    const gone = await plugin([POD, '--kubeconfig', kubeconfig]);
    expect(gone.exitCode).toBe(1);
    expect(gone.stderr).toContain('the API server does not answer: https://127.0.0.1:1');
    await pluginJson([POD, '--kubeconfig', kubeconfig, '--context', 'account']);
    await pluginJson([POD, '--context', 'account'], { KUBECONFIG: `/nowhere/config${path.delimiter}${kubeconfig}` });
  });

  test.each(['api', 'node-proxy'])('a service account with what the manifest grants may ask through %s', async (via) => {
    const { exitCode, stdout, stderr } = await plugin([POD, '--kubeconfig', kubeconfig, '--context', 'account', '--via', via, '--json']);
    if (via === 'api' && !hasSubresource) return expect(exitCode).toBe(2);
    expect(exitCode, stderr).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ via });
  });

  test('it may fetch, list and remove through pods', async () => {
    const as = ['--kubeconfig', kubeconfig, '--context', 'account', '--helper-image', counterImage];
    const { archive, local } = await pluginJson([POD, '-o', 'sa.tar', ...as], WITHOUT_DOCKER);
    expect(local?.by).toBe('pod');
    await rm(path.join(folder, 'sa.tar'));
    const { archives: listed } = await pluginJson<{ archives: Array<{ path: string }> }>(['ls', ...as], WITHOUT_DOCKER);
    expect(listed.map((one) => one.path)).toContain(archive);
    await pluginJson(['rm', archive, ...as], WITHOUT_DOCKER);
    expect(await helperPods()).toBe('');
  });

  test('it may do nothing in another namespace, and is told what is needed', async () => {
    for (const args of [
      ['-n', 'plugin-other', '--context', 'account'],
      ['--context', 'other'],
    ]) {
      const { exitCode, stderr } = await plugin([POD, '--kubeconfig', kubeconfig, ...args]);
      expect(exitCode).toBe(1);
      expect(stderr).toContain('the API server answered 403');
      expect(stderr).toContain('manifests/kubectl-checkpoint-rbac.yaml');
    }
  });

  test('without a right, the right that is lacking is named', async () => {
    await kubectl(ctx, ['delete', 'clusterrolebinding', 'kubectl-checkpoint-node-proxy', 'kubectl-checkpoint-nodes']);
    const as = ['--kubeconfig', kubeconfig, '--context', 'account'];
    const refused = await plugin([POD, '--via', 'node-proxy', ...as]);
    expect(refused.exitCode).toBe(1);
    expect(refused.stderr).toContain('cannot create resource "nodes/proxy"');
    expect((await plugin(['ls', ...as])).stderr).toContain('cannot list resource "nodes"');
    // The node object may not be read either: the checkpoint itself does not need it.
    if (hasSubresource) await pluginJson([POD, '--via', 'api', ...as]);
  });
});

test('the program that kubectl starts belongs to this checkout', async () => {
  expect(await readFile(path.join(ctx.paths.bin, 'kubectl-checkpoint'), 'utf8')).toContain(ctx.paths.inRoot('scripts', 'run.mjs'));
});
