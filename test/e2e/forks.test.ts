import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { clusterName } from '../support/names.js';
import { program, toolkit, toolkitJson } from '../support/toolkit.js';

const SERVER = 'cmd/kube-scheduler/app/server.go';
const node = `${clusterName}-control-plane`;
let trees: string;

// Trees of their own: those of the developer are left alone. Tasks are run with this variable set.
beforeAll(async () => {
  trees = await mkdtemp(path.join(tmpdir(), 'trees-'));
  process.env['KIND_CHECKPOINT_TREES'] = trees;
  await toolkitJson('cluster:up');
});

afterAll(async () => {
  delete process.env['KIND_CHECKPOINT_TREES'];
  await rm(trees, { recursive: true, force: true });
});

test('the series of all forks apply and export to the same bytes', async () => {
  const checked = (await toolkitJson('fork:check')) as Array<{ fork: string; patches: number }>;
  expect(checked.map(({ fork }) => fork)).toEqual(['containerd', 'kind', 'kubernetes']);
  for (const { fork, patches } of checked) expect(patches, fork).toBeGreaterThan(1);
});

test('the Go tests that come with the patches pass', async () => {
  const tested = (await toolkitJson('fork:test')) as Array<{ fork: string; packages: string[] }>;
  const packages = tested.flatMap((fork) => fork.packages);
  expect(packages).toContain('k8s.io/kubernetes/pkg/registry/core/pod/rest');
  expect(packages).toContain('k8s.io/kubectl/pkg/proxy');
  expect(packages).toContain('github.com/containerd/containerd/v2/internal/cri/server');
  expect(packages.some((name) => name.startsWith('sigs.k8s.io/kind/'))).toBe(true);
});

describe('an editable tree', () => {
  test('has a commit a patch, and is left as it is when there is work in it', async () => {
    const laid = (await toolkitJson('fork:edit', ['kind'])) as { tree: string; done: string; commits: number };
    const series = (await readFile('kind/patches/series', 'utf8')).trim().split('\n');
    expect(laid).toMatchObject({ tree: path.join(trees, 'kind'), done: 'laid out', commits: series.length });
    expect(await toolkitJson('fork:edit', ['kind'])).toMatchObject({ done: 'up to date' });

    await writeFile(path.join(laid.tree, 'README.md'), 'work in progress');
    expect(await toolkitJson('fork:edit', ['kind'])).toMatchObject({
      done: 'left as it is',
      uncommitted: [expect.stringContaining('README.md')],
    });
    expect(await readFile(path.join(laid.tree, 'README.md'), 'utf8')).toBe('work in progress');
    const { exitCode, stderr } = await toolkit('fork:export', ['kind']);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('changes that are not committed');
    const bump = await toolkit('fork:bump', ['kind', 'v0.27.0']);
    expect(bump.exitCode).toBe(2);
    expect(bump.stderr).toContain('holds work in progress');
  });
});

describe('kubernetes:push', () => {
  let tree: string;

  beforeAll(async () => {
    tree = ((await toolkitJson('fork:edit', ['kubernetes'])) as { tree: string }).tree;
  });

  const edit = async (from: string, to: string): Promise<void> => {
    const file = path.join(tree, SERVER);
    const before = await readFile(file, 'utf8');
    expect(before).toContain(from);
    await writeFile(file, before.replace(from, to));
  };
  const schedulerLogs = (): Promise<string> =>
    program('docker', 'exec', node, 'sh', '-c', 'cat /var/log/pods/kube-system_kube-scheduler-*/kube-scheduler/*.log');

  test('brings a changed line into the running cluster, and nothing else', async () => {
    await edit('"Golang settings"', '"Golang settings, edited"');
    const { swapped, source } = (await toolkitJson('kubernetes:push', ['kube-scheduler', 'kubelet'])) as {
      swapped: Array<{ program: string }>;
      source: string;
    };
    expect(source).toBe('tree');
    expect(swapped.map(({ program: name }) => name)).toEqual(['kube-scheduler']);
    expect(await schedulerLogs()).toContain('Golang settings, edited');
    expect(await toolkitJson('kubernetes:push', ['kube-scheduler'])).toMatchObject({ swapped: [] });
  });

  test('puts the old program back when the new one does not get healthy', async () => {
    await edit('"Golang settings, edited"', '"Golang settings, broken"');
    await edit('func runCommand(', 'func init() { panic("broken on purpose") }\n\nfunc runCommand(');
    const { exitCode, stderr } = await toolkit('kubernetes:push', ['kube-scheduler', '--patience', '15']);
    expect(exitCode).toBe(1);
    expect(stderr).toContain('the new kube-scheduler does not get healthy');
    expect(stderr).toContain('the old one is back');
    await program('git', '-C', tree, 'checkout', '--quiet', '.');
    await edit('"Golang settings"', '"Golang settings, edited"');
    expect(await toolkitJson('kubernetes:push', ['kube-scheduler'])).toMatchObject({ swapped: [] });
  });

  test('replaces the kubelet and kube-proxy, and the pods go on', async () => {
    const file = path.join(tree, 'pkg/kubelet/server/server.go');
    await writeFile(
      file,
      `${await readFile(file, 'utf8')}\n// PushedLine only exists to change the program.\nvar PushedLine = "changed on purpose"\n`,
    );
    const before = await program('docker', 'exec', node, 'ctr', '--namespace=k8s.io', 'tasks', 'ls');
    await toolkitJson('kubernetes:push', ['kube-proxy', 'kubelet']);
    const after = (await program('docker', 'exec', node, 'ctr', '--namespace=k8s.io', 'tasks', 'ls')).split('\n');
    expect(before.split('\n').filter((line) => !after.includes(line)).length).toBeLessThanOrEqual(2);
    expect(await toolkitJson('cluster:status')).toMatchObject({ serves: true });
  });

  test('refuses a program that there is not', async () => {
    const { exitCode, stderr } = await toolkit('kubernetes:push', ['kube-everything']);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('kube-everything is no program of Kubernetes');
  });
});
