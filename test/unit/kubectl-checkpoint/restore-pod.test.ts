import { appendFile, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { type RestoreRequest, restorePod } from '../../../scripts/kubectl-checkpoint/restore-pod.js';
import { restoredJson, restoredText } from '../../../scripts/kubectl-checkpoint/restore-view.js';
import { archiveFolder } from '../../../scripts/lib/cluster/kubelet.js';
import { InterruptedError, type ToolkitError, UsageError } from '../../../scripts/lib/core/errors.js';
import { put, realRunner, type TestContext, temporaryFolder, testContext } from '../../support/context.js';
import { type Call, fakeRunner } from '../../support/fake-runner.js';
import { apiError, fakeKube } from '../../support/kube.js';
import { archiveFile, dumpedPod } from '../../support/pod-archive.js';
import { testRegistry } from '../../support/registry.js';

const CREATED = '2026-01-02T12:00:00Z';

/** What may be different about a cluster. */
interface Setting {
  readonly nodes?: readonly string[];
  /** How the kubelet takes a pod: its status, by the number of times it was read. */
  readonly status?: (read: number, pod: Pod) => object;
  readonly create?: () => void;
  readonly denied?: readonly string[];
  /** Pods that are there already. */
  readonly there?: readonly string[];
  /** What the runtime's log says of the pod that is made. */
  readonly journal?: (pod: string) => string;
  /** What the nodes say of their runtime. */
  readonly runtime?: string;
}

interface Pod {
  readonly metadata: {
    readonly name: string;
    readonly uid?: string;
    readonly annotations: Record<string, string>;
    readonly labels: object;
  };
  readonly spec: { readonly nodeName: string; readonly containers: ReadonlyArray<{ readonly name: string }> };
}

/** A cluster of kind nodes here, whose checkpoint folders are folders of the test. */
function cluster({
  nodes = ['node-1', 'node-2'],
  status,
  create,
  denied = [],
  there = [],
  journal = restoredLine,
  runtime = OURS,
}: Setting = {}) {
  const folders = new Map(nodes.map((node) => [node, temporaryFolder()]));
  const pods = new Map<string, Pod>();
  const made: Pod[] = [];
  let reads = 0;
  const sh = realRunner();
  const exec = async ({ args, options }: Call): Promise<string | undefined> => {
    if (args[0] === 'cp') {
      const [node = '', file = ''] = (args[2] ?? '').split(/:(.*)/);
      return (await sh.run('cp', ['-p', file.replace(archiveFolder, folders.get(node) ?? ''), args[3] ?? ''])).stdout;
    }
    const [, ...words] = args.filter((word) => word !== '--interactive');
    const [node = '', file = '', ...rest] = words;
    const folder = folders.get(node);
    if (folder === undefined) return undefined;
    if (file === 'cat') return `machine-of-${node}`;
    if (file === 'journalctl') return made.map((pod) => journal(pod.metadata.name)).join('\n');
    const { inputStream } = options;
    const here = rest.map((word) => word.replaceAll(archiveFolder, folder));
    if (inputStream === undefined) return (await sh.run(file, here)).stdout;
    for await (const chunk of inputStream) await appendFile(here[3] ?? '', chunk as Buffer, { mode: 0o600 });
    return '';
  };
  const ctx = testContext({ runner: fakeRunner(exec) });
  const kube = fakeKube(
    {
      readNode: async ({ name }: { name: string }) => {
        if (!nodes.includes(name)) throw apiError(404, 'not found');
        return nodeObject(name, runtime);
      },
      listNode: async () => ({ items: nodes.map((name) => nodeObject(name, runtime)) }),
      createSelfSubjectAccessReview: async ({ subresource = '' }: { subresource?: string }) => ({
        status: { allowed: !denied.includes(subresource) },
      }),
      createNamespacedPod: async ({ body }: { body: Pod }) => {
        create?.();
        const pod = { ...body, metadata: { ...body.metadata, uid: 'new', creationTimestamp: CREATED } };
        pods.set(pod.metadata.name, pod);
        made.push(pod);
      },
      readNamespacedPod: async ({ name }: { name: string }) => {
        const pod = pods.get(name);
        if (there.includes(name)) return { metadata: { name, uid: 'other' } };
        if (pod === undefined) throw apiError(404, 'not found');
        return { ...pod, status: (status ?? runs)(reads++, pod) };
      },
      deleteNamespacedPod: async ({ name, uid }: { name: string; uid: string }) => {
        expect(uid).toBe('new');
        pods.delete(name);
      },
      listNamespacedEvent: async () => ({ items: [] }),
    },
    { ask: async () => ({ status: 200, body: '2026-01-02T12:00:05Z 0\n' }) },
  );
  return { ctx, kube, folders, pods, made };
}

const OURS = 'containerd://2.0.0+checkpoint';
const nodeObject = (name: string, containerRuntimeVersion: string): object => ({
  metadata: { name },
  spec: { providerID: `kind://docker/dev/${name}` },
  status: {
    nodeInfo: { machineID: `machine-of-${name}`, architecture: 'amd64', containerRuntimeVersion },
    conditions: [{ type: 'Ready', status: 'True' }],
  },
});
const runs = (read: number, { spec }: Pod): object => ({
  phase: 'Running',
  containerStatuses: spec.containers.map(({ name }) => ({
    name,
    state: read < 2 ? { waiting: { reason: 'ContainerCreating' } } : { running: {} },
  })),
});
const restoredLine = (pod: string): string =>
  ['main', 'second']
    .map((name) => `level=info msg="Restored container \\"${name}\\" of pod \\"${pod}\\" from checkpoint archive \\"x.tar\\""`)
    .join('\n');

const asked: Omit<RestoreRequest, 'places'> = {
  namespace: undefined,
  name: undefined,
  node: undefined,
  podFile: undefined,
  repository: undefined,
  timeoutMs: 60_000,
  access: { way: 'auto', namespace: 'default', image: 'busybox' },
};
type Cluster = ReturnType<typeof cluster>;
const restore = ({ ctx, kube }: Cluster, request: Partial<RestoreRequest>) =>
  restorePod(ctx as TestContext, kube, { places: [], ...asked, ...request });
const failure = async (on: Cluster, request: Partial<RestoreRequest>): Promise<ToolkitError> =>
  restore(on, request).then(
    () => {
      throw new TypeError('it was restored');
    },
    (error: ToolkitError) => error,
  );
const left = async ({ folders }: Cluster): Promise<string[]> =>
  (await Promise.all([...folders.values()].map((folder) => readdir(folder)))).flat();
const local = async (change: Parameters<typeof archiveFile>[0] = {}) => ({ file: await archiveFile({ podDump: dumpedPod(), ...change }) });
/** Lays an archive into the folder of a node. */
async function onNode({ folders }: Cluster, node: string, change: Parameters<typeof archiveFile>[0] = {}) {
  const { file } = await local(change);
  await put(path.join(folders.get(node) ?? '', 'checkpoint-x.tar'), await readFile(file), 0o600);
  return { node, name: 'checkpoint-x.tar' };
}

describe('a restored pod', () => {
  test('is made from a file that lies here, on the node where it was; what was brought is gone afterwards', async () => {
    const on = cluster();
    const place = await local();
    const seen: string[] = [];
    on.ctx.clock.whileAsleep = async () => void seen.push(...(await left(on)));
    const restored = await restore(on, { places: [place] });
    expect(restored).toMatchObject({
      namespace: 'shop',
      node: 'node-1',
      fromImage: [],
      containers: [{ proof: { by: 'runtime' }, from: place.file }],
    });
    expect(restored.pod).toMatch(/^web-[a-z0-9]{5}$/);
    const [archive] = Object.values(on.made[0]?.metadata.annotations ?? {}).filter((value) => value.endsWith('.tar'));
    expect(archive).toMatch(/^checkpoint-a-[a-z0-9]{5}\.tar$/);
    expect(new Set(seen)).toEqual(new Set([archive]));
    expect(await left(on)).toEqual([]);
    expect(on.pods.size).toBe(1);
  });

  test('is made where its archive is, which stays', async () => {
    const on = cluster();
    const place = await onNode(on, 'node-2');
    const restored = await restore(on, { places: [place] });
    expect(restored).toMatchObject({
      node: 'node-2',
      containers: [{ name: 'checkpoint-x.tar', brought: undefined, from: 'node-2:checkpoint-x.tar' }],
    });
    expect(on.made[0]?.metadata.annotations['restore.checkpoint.containerd.io/main']).toBe('checkpoint-x.tar');
    expect(await left(on)).toEqual(['checkpoint-x.tar']);
  });

  test('is made on another node, with a copy that is gone afterwards', async () => {
    const on = cluster();
    const restored = await restore(on, { places: [await onNode(on, 'node-2')], node: 'node-1', name: 'again', namespace: 'shop' });
    expect(restored).toMatchObject({ node: 'node-1', pod: 'again', containers: [{ brought: { bytes: expect.any(Number) } }] });
    expect(await left(on)).toEqual(['checkpoint-x.tar']);
    expect(await readdir(on.ctx.paths.tmp)).toEqual([]);
  });

  test('has several containers from archives, and the others from their images; that is told', async () => {
    const on = cluster();
    const podDump = dumpedPod({ containers: ['main', 'second', 'third'] });
    const places = [await onNode(on, 'node-1', { podDump, container: 'second' }), await local({ podDump })];
    const restored = await restore(on, { places });
    expect(restored.containers.map(({ container }) => container)).toEqual(['second', 'main']);
    expect(restored.fromImage).toEqual(['third']);
    expect(restoredText(restored)).toContain('container third: started from its image');
    expect(restoredJson(restored)).toMatchObject({
      fromImage: ['third'],
      containers: [{ archive: 'checkpoint-x.tar', brought: null }, { container: 'main' }],
    });
  });

  test('comes from a manifest where the archive does not hold it', async () => {
    const on = cluster();
    const podFile = await put(
      path.join(temporaryFolder(), 'pod.yaml'),
      'metadata: {name: mine}\nspec: {nodeName: node-2, containers: [{name: main}]}\n',
    );
    expect(await restore(on, { places: [await local({ podDump: undefined })], podFile })).toMatchObject({
      node: 'node-2',
      pod: expect.stringMatching(/^mine-/),
    });
  });
});

describe('a pod on a node that restores from images', () => {
  test('has the image that was made of the archive and pushed, and needs no right of its own', async () => {
    const registry = await testRegistry();
    const on = cluster({ runtime: 'containerd://2.3.3', denied: ['restore'] });
    const place = await local();
    const repository = `${registry.host}/shop/checkpoints`;
    const restored = await restore(on, { places: [place], repository });
    const [image = ''] = [...registry.manifests.keys()];
    expect(image).toMatch(/^shop\/checkpoints:[0-9a-f]{12}$/);
    expect(on.made[0]?.spec.containers).toEqual([
      expect.objectContaining({ name: 'main', image: `${registry.host}/${image}`, imagePullPolicy: 'IfNotPresent' }),
    ]);
    expect(Object.keys(on.made[0]?.metadata.annotations ?? {}).filter((name) => name.startsWith('restore.'))).toEqual([]);
    expect(restored).toMatchObject({ by: 'image', containers: [{ image: `${registry.host}/${image}`, from: place.file }] });
    expect(restoredText(restored)).toMatch(/as image .*emptyDirs and in \/dev\/shm did not come along/s);
    expect(restoredJson(restored)).toMatchObject({ by: 'image', containers: [{ archive: null, image: `${registry.host}/${image}` }] });
    expect(await left(on)).toEqual([]);
  });
});

describe('nothing is made', () => {
  test.each([
    { what: 'there is no such node', on: {}, request: { node: 'node-9' }, says: 'there is no node node-9', hint: 'Nodes: node-1, node-2' },
    {
      what: 'the name is taken',
      on: { there: ['again'] },
      request: { name: 'again' },
      says: 'there is a pod again in namespace shop already',
      hint: '--name',
    },
    {
      what: 'the runtime does not restore',
      on: { runtime: 'containerd://2.0.0' },
      request: {},
      says: 'node node-1 cannot restore',
      hint: '--node',
    },
    {
      what: 'its image would not get there',
      on: { runtime: 'containerd://2.3.3' },
      request: { access: { way: 'pod' as const, namespace: 'default', image: 'busybox' } },
      says: 'node node-1 restores from images, which get there only through a registry',
      hint: '--repository',
    },
    {
      what: 'the right is missing',
      on: { denied: ['restore'] },
      request: {},
      says: 'you may not restore pods in namespace shop: create on pods/restore is needed',
      hint: 'rbac',
    },
    {
      what: 'the namespace is another',
      on: {},
      request: { namespace: 'default' },
      says: /is of namespace shop, not of default/,
      hint: 'shop',
    },
    {
      what: 'no node goes without saying',
      on: { nodes: ['node-3', 'node-4'] },
      request: {},
      says: 'on which node?',
      hint: '--node node-3 | node-4',
    },
  ])('when $what', async ({ on, request, says, hint }) => {
    const there = cluster(on);
    const error = await failure(there, { places: [await local()], ...request });
    expect(error.message).toMatch(says);
    expect(error.hint).toContain(hint);
    expect(there.made).toEqual([]);
    expect(await left(there)).toEqual([]);
  });

  test('when there is no such archive on the node', async () => {
    const there = cluster();
    expect((await failure(there, { places: [{ node: 'node-1', name: 'checkpoint-y.tar' }] })).message).toBe(
      'there is no archive checkpoint-y.tar on node node-1',
    );
  });

  test('when the manifest is none', async () => {
    const podFile = await put(path.join(temporaryFolder(), 'pod.yaml'), 'kind: List\n');
    const error = await failure(cluster(), { places: [await local()], podFile });
    expect(error).toBeInstanceOf(UsageError);
    expect(error.message).toContain('--pod: there is no pod’s manifest in');
  });
});

describe('the pod and what was brought are removed', () => {
  test('when the runtime refuses: its reason is told', async () => {
    const status = () => ({
      containerStatuses: [{ name: 'main', state: { waiting: { reason: 'RunContainerError', message: 'CRIU: out of luck' } } }],
    });
    const on = cluster({ status });
    const error = await failure(on, { places: [await local()] });
    expect(error.details).toEqual(['CRIU: out of luck']);
    expect([on.made.length, on.pods.size, await left(on)]).toEqual([1, 0, []]);
  });

  test('when the run is stopped', async () => {
    const on = cluster({ status: () => ({}) });
    on.ctx.clock.whileAsleep = () => on.ctx.abort.abort(new InterruptedError('SIGINT', 130));
    expect(await failure(on, { places: [await local()] })).toBeInstanceOf(InterruptedError);
    expect([on.made.length, on.pods.size, await left(on)]).toEqual([1, 0, []]);
  });

  test('when it takes too long', async () => {
    const on = cluster({ status: () => ({ phase: 'Pending' }) });
    expect((await failure(on, { places: [await local()], timeoutMs: 5000 })).message).toMatch(/has not started within 5 s$/);
    expect([on.pods.size, await left(on)]).toEqual([0, []]);
  });

  test('when the container was started from its image', async () => {
    const on = cluster({ journal: () => 'StartContainer returns successfully' });
    expect((await failure(on, { places: [await local()] })).message).toMatch(/was not restored: it was started from its image$/);
    expect([on.pods.size, await left(on)]).toEqual([0, []]);
  });

  test('when the API server refuses the pod', async () => {
    const message = 'pods "x" is forbidden: admission says no';
    const create = () => {
      throw apiError(403, message);
    };
    const on = cluster({ create });
    expect((await failure(on, { places: [await local()] })).details).toEqual([`the API server answered 403: ${message}`]);
    expect(await left(on)).toEqual([]);
  });
});
