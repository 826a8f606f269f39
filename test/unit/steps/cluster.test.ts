import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import YAML from 'yaml';
import type { Options } from '../../../scripts/lib/core/context.js';
import type { Runner } from '../../../scripts/lib/core/runner.js';
import { stampPath } from '../../../scripts/lib/engine/freshness.js';
import { clusterStep, deleteCluster } from '../../../scripts/steps/cluster.js';
import { put, stepContext, type TestContext, temporaryFolder, testContext } from '../../support/context.js';
import { type Answer, type Call, type FakeRunner, fakeRunner } from '../../support/fake-runner.js';
import { defaultProfile, profileNamed } from '../../support/profiles.js';
import { reasonToRun, runAlone } from '../../support/steps.js';

const CONFIG = 'kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\n';

/** How what nodes have put into the folder that they share is removed. */
const EMPTY = 'find /var/lib/kubelet/checkpoints/shared -mindepth 1 -delete';

interface NodeOfDocker {
  readonly name: string;
  readonly id: string;
  state: string;
}

/** A machine with a Docker engine, kind and kubectl, on which a cluster can be made. */
class Machine {
  readonly root = temporaryFolder();
  readonly runner: FakeRunner;
  nodes: NodeOfDocker[] = [];
  /** What a command answers instead of doing its work. */
  instead: (call: Call) => Answer | undefined = () => undefined;
  private made = 0;
  private told = 0;

  constructor() {
    this.runner = fakeRunner((call) => this.instead(call) ?? this.answer(call));
  }

  /** What is asked and done from the toolkit's checkout, in a run of its own. */
  run(options: Partial<Options> = {}, runner: Runner = this.runner): TestContext {
    return testContext({ root: this.root, runner, options });
  }

  /** What commands did to the machine since {@link forget}, without the folder of their program. */
  deeds(): string[] {
    return this.runner.calls
      .slice(this.told)
      .map(({ file, args }) => [path.basename(file), ...args].join(' '))
      .filter((line) => /^(kind|docker start)/.test(line))
      .map((line) => line.replaceAll(this.root, '').replace(/ --image .*/, ''));
  }

  forget(): void {
    this.told = this.runner.calls.length;
  }

  create(): void {
    this.made += 1;
    const generation = this.made;
    this.nodes = ['control-plane', 'worker'].map((role) => ({ name: `checkpoint-${role}`, id: `${role}-${generation}`, state: 'running' }));
  }

  private answer({ file, args, line }: Call): Answer | undefined {
    const words = args.join(' ');
    if (line.startsWith('docker ps')) return this.nodes.map(({ name, id, state }) => `${name} ${id} ${state} worker`).join('\n');
    if (line.startsWith('docker start')) {
      for (const node of this.nodes) if (args.includes(node.name)) node.state = 'running';
      return '';
    }
    if (line.startsWith('docker exec')) return words.endsWith(EMPTY) && this.nodes.some(({ name }) => name === args[1]) ? '' : undefined;
    if (path.basename(file) === 'kind') {
      if (words.startsWith('create')) this.create();
      if (words.startsWith('delete')) this.nodes = [];
      return '';
    }
    if (path.basename(file) !== 'kubectl' || !words.startsWith('--context kind-checkpoint')) return undefined;
    if (words.includes('k8s-app=kube-dns')) return 'coredns-1';
    return words.includes('pods/coredns-1:8181/proxy/ready') ? 'OK' : '';
  }
}

const cluster = clusterStep({ clusterName: 'checkpoint' }, defaultProfile);
const CREATED = 'kind create cluster --name checkpoint';
const DELETED = 'kind delete cluster --name checkpoint';

/** Records that what the cluster is made of is there, in the state of a key. */
async function haveNeeds({ root }: Machine, keys: Readonly<Record<string, string>> = {}, of = cluster): Promise<void> {
  for (const need of of.needs ?? []) {
    const key = keys[need.id] ?? `key of ${need.id}`;
    await put(stampPath(need, testContext({ root })), JSON.stringify({ key, parts: {}, products: {}, seconds: 1 }));
  }
}

async function machine(config = CONFIG): Promise<Machine> {
  const made = new Machine();
  await put(path.join(made.root, 'cluster', 'cluster.yaml'), config);
  await put(path.join(made.root, 'manifests', 'restore-policy.yaml'), 'a policy');
  await haveNeeds(made);
  return made;
}

/** A machine with a cluster that was made from here, and whose deeds begin anew. */
async function machineWithCluster(): Promise<Machine> {
  const made = await machine();
  await runAlone(cluster, made.run());
  expect(made.deeds()).toEqual([CREATED]);
  expect(await reasonToRun(cluster, made.run())).toBeUndefined();
  made.forget();
  return made;
}

describe('a cluster that is not there', () => {
  test('holds the policy for restores as soon as it serves', async () => {
    const there = await machine();
    await runAlone(cluster, there.run());
    const applied = there.runner.calls.filter(({ args }) => args.includes('apply')).map(({ args }) => args.slice(2));
    expect(applied).toEqual([['apply', '--filename', path.join(there.root, 'manifests', 'restore-policy.yaml')]]);
  });

  test('is created of the image that was built, by the configuration, and serves when the step ends', async () => {
    const there = await machine();
    const ctx = there.run();
    await runAlone(cluster, ctx);
    const create = there.runner.calls.find(({ args }) => args[0] === 'create');
    expect(create?.args).toEqual(expect.arrayContaining(['--image', 'kindest/node:latest', '--config', expect.any(String), '--retain']));
    const after = there.runner.lines.slice(there.runner.calls.indexOf(create as Call) + 1).join('\n');
    for (const asked of [
      '/readyz',
      'condition=Ready nodes --all',
      'pods/coredns-1:8181/proxy/ready',
      'local-path-provisioner',
      'storageclass standard',
    ])
      expect(after).toContain(asked);
    expect(await reasonToRun(cluster, ctx)).toBeUndefined();
  });

  test('has nodes that share a folder of this machine, by whose ID they know it', async () => {
    const there = await machine();
    let given = '';
    there.instead = ({ args }) => {
      if (args[0] === 'create') given = readFileSync(args[args.indexOf('--config') + 1] ?? '', 'utf8');
      return undefined;
    };
    const ctx = there.run();
    await runAlone(cluster, ctx);
    const folder = path.join(ctx.paths.shared, 'checkpoint');
    const sharedFolder = { hostPath: folder, containerPath: '/var/lib/kubelet/checkpoints/shared' };
    expect(YAML.parse(given)).toMatchObject({ nodes: [{ extraMounts: [sharedFolder] }] });
    expect(readFileSync(path.join(folder, 'id'), 'utf8')).toMatch(/^[0-9a-f-]{36}\n$/);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
  });

  test('is created of the image and the configuration that its profile asks for', async () => {
    const there = await machine(`${CONFIG}# of one's own\ncontainerdConfigPatches:\n- a = 1\n`);
    const profile = { ...profileNamed('containerd-2.3'), containerdConfigPatches: ['b = 2'] };
    const step = clusterStep({ clusterName: 'checkpoint' }, profile);
    await haveNeeds(there, {}, step);
    const ctx = there.run();
    let given = '';
    there.instead = ({ args }) => {
      if (args[0] === 'create') given = readFileSync(args[args.indexOf('--config') + 1] ?? '', 'utf8');
      return undefined;
    };
    await runAlone(step, ctx);
    expect(there.runner.lines.find((line) => line.includes('create cluster'))).toContain('--image kindest/node:latest-containerd-2.3 ');
    expect(YAML.parse(given)).toMatchObject({ kind: 'Cluster', containerdConfigPatches: ['a = 1', 'b = 2'] });
    expect(given).toContain("# of one's own");
    expect(await reasonToRun(clusterStep({ clusterName: 'checkpoint' }, { ...profile, containerdConfigPatches: [] }), ctx)).toBe(
      'changed: containerd’s configuration',
    );
  });

  test('gets no nodes that are Ready where the configuration leaves the network to the user, and says so', async () => {
    const there = await machine(`${CONFIG}networking:\n  disableDefaultCNI: true\n`);
    const ctx = there.run();
    await runAlone(cluster, ctx);
    expect(ctx.said).toEqual([expect.stringContaining('when you have applied a CNI')]);
    expect(there.runner.lines.filter((line) => line.includes(' wait '))).toEqual([]);
  });

  test('is not created while the Docker engine does not run', async () => {
    const there = await machine();
    there.instead = ({ file }) => (file === 'docker' ? { exitCode: 1, stderr: 'Cannot connect to the Docker daemon' } : undefined);
    await expect(cluster.run(stepContext(there.run()))).rejects.toMatchObject({
      details: expect.arrayContaining(['Cannot connect to the Docker daemon']),
    });
    expect(there.deeds()).toEqual([]);
  });
});

describe('a cluster that was made from here', () => {
  test('is gone to the plan while the Docker engine does not run, and is as it was when that is back', async () => {
    const there = await machineWithCluster();
    there.instead = ({ file }) => (file === 'docker' ? 1 : undefined);
    expect(await reasonToRun(cluster, there.run())).toBe('cluster checkpoint is gone');
    there.instead = () => undefined;
    expect(await reasonToRun(cluster, there.run())).toBeUndefined();
    expect(there.deeds()).toEqual([]);
  });

  test('has those of its nodes started that are stopped, and serves when the step ends', async () => {
    const there = await machineWithCluster();
    for (const node of there.nodes.slice(1)) node.state = 'exited';
    expect(await reasonToRun(cluster, there.run())).toBe('cluster checkpoint is gone');
    await cluster.run(stepContext(there.run()));
    expect(there.deeds()).toEqual(['docker start checkpoint-worker']);
    expect(there.runner.lines.at(-1)).toContain('storageclass standard');
    expect(await reasonToRun(cluster, there.run())).toBeUndefined();
  });

  test('is left alone, up to asking whether it serves, when another run has started it meanwhile', async () => {
    const there = await machineWithCluster();
    await cluster.run(stepContext(there.run()));
    expect(there.deeds()).toEqual([]);
  });

  test('is created again when it was removed by other means', async () => {
    const there = await machineWithCluster();
    there.nodes = [];
    await runAlone(cluster, there.run());
    expect(there.deeds()).toEqual([CREATED]);
  });

  test.each<[string, string, (there: Machine) => Promise<unknown>]>([
    [
      'its configuration has changed',
      'changed since it was made: configuration',
      ({ root }) => put(path.join(root, 'cluster', 'cluster.yaml'), `${CONFIG}nodes:\n- role: control-plane\n`),
    ],
    ['the node image was replaced', 'changed since it was made: node image', (there) => haveNeeds(there, { 'node-image': 'another' })],
    ['Kubernetes was built anew', 'changed since it was made: Kubernetes', (there) => haveNeeds(there, { kubernetes: 'another' })],
    ['its nodes are others', 'its nodes are not the ones that were made', async (there) => there.create()],
  ])('and of which %s is refused with that, and made anew when the user says so', async (_, detail, change) => {
    const there = await machineWithCluster();
    await change(there);
    await expect(cluster.run(stepContext(there.run()))).rejects.toMatchObject({
      message: 'cluster checkpoint would have to be made anew',
      details: [detail],
      hint: expect.stringContaining('npm run cluster:up -- --recreate'),
    });
    expect(there.deeds()).toEqual([]);
    await cluster.run(stepContext(there.run({ recreate: true })));
    expect(there.deeds()).toEqual([DELETED, CREATED]);
  });

  test('is forgotten when it is deleted', async () => {
    const there = await machineWithCluster();
    const ctx = there.run();
    await deleteCluster(ctx);
    expect(there.nodes).toEqual([]);
    const lines = there.runner.lines.slice(-2);
    expect(lines).toEqual([`docker exec checkpoint-control-plane ${EMPTY}`, expect.stringContaining(DELETED)]);
    expect(existsSync(path.join(ctx.paths.shared, 'checkpoint'))).toBe(false);
    expect(await reasonToRun(cluster, there.run())).toBe('not made yet');
  });
});

describe('a cluster of this name that was not made from here', () => {
  test('is refused, and made anew when the user says so', async () => {
    const there = await machine();
    there.create();
    await expect(cluster.run(stepContext(there.run()))).rejects.toMatchObject({
      message: 'a cluster called checkpoint exists that was not made from here',
      hint: expect.stringContaining('npm run cluster:up -- --recreate'),
    });
    expect(there.deeds()).toEqual([]);
    await cluster.run(stepContext(there.run({ recreate: true })));
    expect(there.deeds()).toEqual([DELETED, CREATED]);
  });

  test('is refused also after a creation that failed here and was cleaned up', async () => {
    const there = await machine();
    there.instead = ({ args }) => (args[0] === 'create' ? 1 : undefined);
    await expect(cluster.run(stepContext(there.run()))).rejects.toThrow('kind could not create the cluster checkpoint');
    there.instead = () => undefined;
    there.create();
    await expect(cluster.run(stepContext(there.run()))).rejects.toThrow('was not made from here');
  });
});

describe('a creation', () => {
  test('that was killed in the middle is begun anew by the next run, without a question', async () => {
    const there = await machine();
    there.instead = ({ args }) => {
      if (args[0] !== 'create') return undefined;
      there.create();
      return () => new Promise(() => undefined);
    };
    // Of a run that is killed nothing goes on.
    void cluster.run(stepContext(there.run()));
    await vi.waitFor(() => expect(there.deeds()).toEqual([CREATED]));
    there.instead = () => undefined;
    await runAlone(cluster, there.run());
    expect(there.deeds()).toEqual([CREATED, DELETED, CREATED]);
    expect(await reasonToRun(cluster, there.run())).toBeUndefined();
  });

  test('that fails keeps the logs of its nodes, and leaves nothing else', async () => {
    const there = await machine();
    there.instead = ({ args }) => (args[0] === 'create' ? { exitCode: 1, stderr: 'could not find a line that matches' } : undefined);
    const ctx = there.run();
    await expect(cluster.run(stepContext(ctx))).rejects.toMatchObject({
      message: 'kind could not create the cluster checkpoint',
      details: expect.arrayContaining(['could not find a line that matches']),
    });
    expect(there.deeds()).toEqual([CREATED, expect.stringMatching(/^kind export logs --name checkpoint .*nodes$/), DELETED]);
  });

  test('that fails and cannot be cleaned up is cleaned up by the next run', async () => {
    const there = await machine();
    there.instead = ({ args }) => {
      if (args[0] === 'create') there.create();
      return args[0] === 'create' || args[0] === 'delete' ? 1 : undefined;
    };
    await expect(cluster.run(stepContext(there.run()))).rejects.toThrow('kind could not create');
    there.instead = () => undefined;
    await cluster.run(stepContext(there.run()));
    expect(there.deeds().slice(-2)).toEqual([DELETED, CREATED]);
  });

  test('whose API server does not get ready is given up after 180 s, and removed', async () => {
    const there = await machine();
    there.instead = ({ args }) => (args.includes('/readyz') ? 1 : undefined);
    const ctx = there.run();
    const began = ctx.clock.now();
    await expect(cluster.run(stepContext(ctx))).rejects.toMatchObject({
      message: 'the API server does not get ready',
      details: expect.arrayContaining(['not within 180 s']),
      hint: expect.stringContaining('npm run cluster:logs'),
    });
    expect((ctx.clock.now() - began) / 1000).toBeCloseTo(180, -1);
    expect(there.nodes).toEqual([]);
  });
});
