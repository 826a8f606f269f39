import { describe, expect, test } from 'vitest';
import { baseNameAnnotation } from '../../../scripts/checkpoint/annotations.js';
import { nextName, readOldPod, reshapePod, type Wish } from '../../../scripts/checkpoint/pod-manifest.js';
import { ToolkitError } from '../../../scripts/lib/core/errors.js';

const wish: Wish = { name: 'web-bcdfg', node: 'node-2', archives: { main: 'a.tar' } };

/** A pod as the kubelet has it: of a Deployment, with everything that the API server and the scheduler added. */
function old(change: { metadata?: object; spec?: object } = {}): Record<string, unknown> {
  return {
    metadata: {
      name: 'web-7d4b9c-x2x2x',
      generateName: 'web-7d4b9c-',
      namespace: 'shop',
      uid: '0d3f',
      resourceVersion: '812',
      generation: 1,
      creationTimestamp: '2026-01-02T03:04:05Z',
      deletionTimestamp: '2026-01-02T04:04:05Z',
      deletionGracePeriodSeconds: 30,
      finalizers: ['batch.kubernetes.io/job-tracking'],
      labels: { app: 'web', 'pod-template-hash': '7d4b9c' },
      annotations: {
        'kubectl.kubernetes.io/last-applied-configuration': '{}',
        'controller.kubernetes.io/pod-deletion-cost': '-1',
        'restore.checkpoint.containerd.io/main': 'old.tar',
        'await.checkpoint.containerd.io/main': 'true',
        'rewind.checkpoint.containerd.io/main': 'true',
        'migration.checkpoint.containerd.io/source': 'node-1/web/0d3f',
        'prometheus.io/scrape': 'true',
      },
      ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web-7d4b9c', uid: '1', controller: true }],
      managedFields: [{ manager: 'kube-controller-manager' }],
      ...change.metadata,
    },
    spec: {
      nodeName: 'node-1',
      nodeSelector: { disk: 'fast' },
      priority: 0,
      preemptionPolicy: 'PreemptLowerPriority',
      serviceAccountName: 'web',
      securityContext: {},
      containers: [
        {
          name: 'main',
          image: 'web:1',
          volumeMounts: [
            { name: 'data', mountPath: '/data' },
            { name: 'kube-api-access-8xk2p', mountPath: '/var/run/secrets/kubernetes.io/serviceaccount', readOnly: true },
          ],
        },
      ],
      ephemeralContainers: [{ name: 'debug' }],
      volumes: [
        { name: 'data', emptyDir: {} },
        { name: 'kube-api-access-8xk2p', projected: { sources: [] } },
      ],
      tolerations: [{ key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 }],
      ...change.spec,
    },
    status: { phase: 'Running' },
  };
}

const reshape = (pod: object, change: Partial<Wish> = {}): ReturnType<typeof reshapePod> =>
  reshapePod(readOldPod(pod, 'pod.dump'), { ...wish, ...change });

describe('a pod made out of an old one', () => {
  test('has all that its processes see, and nothing that identified the old one', () => {
    expect(reshape(old()).manifest).toEqual({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name: 'web-bcdfg',
        namespace: 'shop',
        labels: { app: 'web' },
        annotations: {
          'prometheus.io/scrape': 'true',
          'restore.checkpoint.containerd.io/main': 'a.tar',
          'migration.checkpoint.containerd.io/base-name': 'web-7d4b9c-x2x2x',
        },
      },
      spec: {
        nodeName: 'node-2',
        nodeSelector: { disk: 'fast' },
        serviceAccountName: 'web',
        securityContext: {},
        containers: [{ name: 'main', image: 'web:1', volumeMounts: [{ name: 'data', mountPath: '/data' }] }],
        volumes: [{ name: 'data', emptyDir: {} }],
        tolerations: [{ key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 }],
      },
    });
  });

  test('has the annotations that are asked for', () => {
    const { annotations } = reshape(old(), { annotations: { 'await.checkpoint.containerd.io/main': 'true' } }).manifest.metadata;
    expect(annotations).toMatchObject({ 'await.checkpoint.containerd.io/main': 'true' });
  });

  test('leaves the old one as it was', () => {
    const pod = old();
    const before = structuredClone(pod);
    reshape(pod, { nodeChosen: true });
    expect(pod).toEqual(before);
  });

  test('is bound to nodes as the old one was, unless its node is chosen', () => {
    const affinity = {
      nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [] },
      podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [] },
    };
    expect(reshape(old({ spec: { affinity } })).manifest.spec).toMatchObject({ nodeSelector: { disk: 'fast' }, affinity });
    const chosen = reshape(old({ spec: { affinity } }), { nodeChosen: true }).manifest.spec;
    expect(chosen).not.toHaveProperty('nodeSelector');
    expect(chosen.affinity).toEqual({ podAffinity: affinity.podAffinity });
  });

  test('is not bound to the node of the name that a DaemonSet had given the old one', () => {
    const fields = [{ key: 'metadata.name', operator: 'In', values: ['node-1'] }];
    const affinity = {
      nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchFields: fields }] } },
    };
    expect(reshape(old({ spec: { affinity } })).manifest.spec).not.toHaveProperty('affinity');
  });

  test.each([
    { kind: 'ReplicaSet', labels: { app: 'web', 'pod-template-hash': '7d' }, kept: { app: 'web' } },
    { kind: 'ReplicaSet', labels: { app: 'web' }, kept: {} },
    { kind: 'ReplicationController', labels: { app: 'web' }, kept: {} },
    { kind: 'DaemonSet', labels: { app: 'web', 'controller-revision-hash': '7d', 'pod-template-generation': '1' }, kept: {} },
    { kind: 'CloneSet', labels: { app: 'web', 'controller-revision-hash': '7d' }, kept: {} },
    {
      kind: 'StatefulSet',
      labels: { app: 'db', 'statefulset.kubernetes.io/pod-name': 'db-0', 'apps.kubernetes.io/pod-index': '0' },
      kept: { app: 'db' },
    },
    {
      kind: 'Job',
      labels: { app: 'sum', 'job-name': 'sum', 'controller-uid': '1', 'batch.kubernetes.io/job-name': 'sum' },
      kept: { app: 'sum' },
    },
  ])('has no label by which a $kind would adopt it: of $labels, $kept', ({ kind, labels, kept }) => {
    const ownerReferences = [{ apiVersion: 'v1', kind, name: 'owner', uid: '1', controller: true }];
    const { manifest, labelsLeftOut } = reshape(old({ metadata: { labels, ownerReferences } }));
    expect(manifest.metadata.labels).toEqual(kept);
    expect({ ...kept, ...labelsLeftOut }).toEqual(labels);
  });

  test('keeps the labels of a pod that only people made', () => {
    const { manifest } = reshape(old({ metadata: { labels: { app: 'web' }, ownerReferences: null } }));
    expect(manifest.metadata.labels).toEqual({ app: 'web' });
  });

  test('runs its init containers anew, but for those that wrote where the archive brings content', () => {
    const initContainers = [
      { name: 'network' },
      { name: 'fill', volumeMounts: [{ name: 'data', mountPath: '/x' }] },
      { name: 'check', volumeMounts: [{ name: 'data', mountPath: '/x', readOnly: true }] },
      { name: 'other', volumeMounts: [{ name: 'lasting', mountPath: '/x' }] },
      { name: 'proxy', restartPolicy: 'Always', volumeMounts: [{ name: 'data', mountPath: '/x' }] },
    ];
    const volumes = [
      { name: 'data', emptyDir: {} },
      { name: 'lasting', persistentVolumeClaim: { claimName: 'x' } },
    ];
    const { manifest, initContainersLeftOut, fromImage } = reshape(old({ spec: { initContainers, volumes } }));
    expect(manifest.spec.initContainers?.map(({ name }) => name)).toEqual(['network', 'check', 'other', 'proxy']);
    expect(initContainersLeftOut).toEqual(['fill']);
    expect(fromImage).toEqual(['proxy']);
  });

  test('says which containers start from their image', () => {
    const containers = [{ name: 'main' }, { name: 'second' }];
    expect(reshape(old({ spec: { containers } })).fromImage).toEqual(['second']);
  });
});

describe('what is no pod', () => {
  test.each([[null], ['pod'], [{ metadata: { name: 'a' } }], [{ metadata: { name: 'a' }, spec: { containers: [] } }]])(
    'is refused: %j',
    (value) => {
      expect(() => readOldPod(value, 'pod.dump of a.tar')).toThrow(ToolkitError);
    },
  );
});

describe('the name of a restored pod', () => {
  const at = (name: string, annotations = {}): string => nextName({ metadata: { name, annotations } }, () => 1);

  test('is that of the old one with five characters more', () => {
    expect(at('web')).toBe('web-ccccc');
  });

  test('does not grow with every restore', () => {
    expect(at('web-bcdfg', { [baseNameAnnotation]: 'web' })).toBe('web-ccccc');
  });

  test('fits where a host name does, whatever is cut off', () => {
    expect(at('a'.repeat(80))).toBe(`${'a'.repeat(57)}-ccccc`);
    expect(at(`${'a'.repeat(55)}.-${'b'.repeat(9)}`)).toBe(`${'a'.repeat(55)}-ccccc`);
  });

  test('cannot be taken for that of a pod of a StatefulSet, and differs from time to time', () => {
    const names = Array.from({ length: 200 }, () => nextName({ metadata: { name: 'web-0' } }));
    for (const name of names) expect(name).toMatch(/^web-0-[b-z][a-z0-9]{4}$/);
    expect(new Set(names).size).toBeGreaterThan(190);
  });
});
