import { describe, expect, test } from 'vitest';
import { type CheckedFacts, judge } from '../../../../scripts/checkpoint/migrate/checks.js';
import { readMovingPod } from '../../../../scripts/checkpoint/migrate/moving-pod.js';
import type { NodeObject } from '../../../../scripts/lib/kube/core.js';

/** A pod of a Deployment, as the API gives it. */
function pod({ metadata = {}, spec = {}, status = {} }: { metadata?: object; spec?: object; status?: object } = {}): CheckedFacts['pod'] {
  return readMovingPod({
    metadata: { name: 'web', namespace: 'shop', uid: 'u-1', ...metadata },
    spec: { nodeName: 'worker', containers: [{ name: 'main' }], ...spec },
    status: { phase: 'Running', containerStatuses: [{ name: 'main', state: { running: {} } }], ...status },
  });
}
const owned = (kind: string) => pod({ metadata: { ownerReferences: [{ kind, name: 'owner', controller: true }] } });
const volume = (source: object) => pod({ spec: { volumes: [{ name: 'data', ...source }] } });

function node({ spec = {}, status = {} }: { spec?: object; status?: object } = {}): NodeObject {
  const nodeInfo = { architecture: 'amd64', operatingSystem: 'linux', containerRuntimeVersion: 'containerd://2.0.0+checkpoint' };
  return { metadata: { name: 'worker2' }, spec, status: { nodeInfo, conditions: [{ type: 'Ready', status: 'True' }], ...status } };
}
const tainted = (effect: string) => node({ spec: { taints: [{ key: 'gpu', value: 'yes', effect }] } });

const fine: CheckedFacts = {
  pod: pod(),
  to: 'worker2',
  target: node(),
  source: node(),
  claims: new Map(),
  portsTaken: new Map(),
  missingRights: [],
  force: false,
};
const claim = (accessModes: string[], volumeSpec?: Record<string, unknown>): CheckedFacts['claims'] =>
  new Map([['c', { claim: { spec: { accessModes } }, volume: volumeSpec && { spec: volumeSpec } }]]);
const claimed = volume({ persistentVolumeClaim: { claimName: 'c' } });

describe('a pod may move', () => {
  test.each<[string, Partial<CheckedFacts>]>([
    ['by itself', {}],
    ['though it is one of a Deployment: the ReplicaSet adopts', { pod: owned('ReplicaSet') }],
    ['though something owns it that does not control it', { pod: pod({ metadata: { ownerReferences: [{ kind: 'Thing', name: 'x' }] } }) }],
    ['with an emptyDir', { pod: volume({ emptyDir: {} }) }],
    ['with a volume that many nodes mount', { pod: claimed, claims: claim(['ReadWriteMany'], {}) }],
    ['to a cordoned node, when one insists', { target: node({ spec: { unschedulable: true } }), force: true }],
    [
      'to a node whose taint it tolerates',
      { target: tainted('NoSchedule'), pod: pod({ spec: { tolerations: [{ key: 'gpu', operator: 'Exists' }] } }) },
    ],
    ['to a node whose taint is a wish', { target: tainted('PreferNoSchedule') }],
    ['with a port of the node that is free', { pod: pod({ spec: { containers: [{ name: 'main', ports: [{ hostPort: 80 }] }] } }) }],
    [
      'with a sidecar that runs',
      {
        pod: pod({
          spec: { initContainers: [{ name: 'proxy', restartPolicy: 'Always' }, { name: 'setup' }] },
          status: { initContainerStatuses: [{ name: 'proxy', state: { running: {} } }] },
        }),
      },
    ],
  ])('%s', (_, facts) => {
    expect(judge({ ...fine, ...facts }).refusals).toEqual([]);
  });

  test('with a path of its node, which is said', () => {
    expect(judge({ ...fine, pod: volume({ hostPath: { path: '/x' } }) })).toEqual({
      refusals: [],
      notes: ['its volume data is a path of its node: on worker2 it finds what lies there'],
    });
  });
});

describe('a pod may not move', () => {
  test.each<[string, Partial<CheckedFacts>, string | RegExp]>([
    ['when it has ended', { pod: pod({ status: { phase: 'Failed', reason: 'Evicted' } }) }, 'it is Failed (Evicted), not Running'],
    ['while it is being deleted', { pod: pod({ metadata: { deletionTimestamp: '2026-01-02T03:04:05Z' } }) }, 'it is being deleted'],
    [
      'while a container of it waits',
      { pod: pod({ status: { containerStatuses: [{ name: 'main', state: { waiting: {} } }] } }) },
      'its container main does not run',
    ],
    ['with an ephemeral container', { pod: pod({ spec: { ephemeralContainers: [{ name: 'debug' }] } }) }, /ephemeral containers.*: debug$/],
    ['when a StatefulSet made it', { pod: owned('StatefulSet') }, /StatefulSet owner, which knows it by its name/],
    ['when a DaemonSet made it', { pod: owned('DaemonSet') }, /DaemonSet owner, which has one on each node/],
    ['when a Job made it', { pod: owned('Job') }, /Job owner, which counts the pods/],
    ['when an unknown controller made it', { pod: owned('Notebook') }, /Notebook owner, and nobody knows/],
    ['when a file on its node made it', { pod: pod({ metadata: { annotations: { 'kubernetes.io/config.mirror': 'x' } } }) }, /static pod/],
    ['to a node that is not there', { target: undefined }, 'there is no node worker2'],
    ['to the node where it is', { to: 'worker' }, 'it is on node worker already'],
    [
      'to a node that is not ready',
      { target: node({ status: { conditions: [{ type: 'Ready', status: 'Unknown', reason: 'NodeStatusUnknown' }] } }), force: true },
      'node worker2 is not Ready (NodeStatusUnknown)',
    ],
    [
      'to another architecture',
      { target: node({ status: { nodeInfo: { architecture: 'arm64' }, conditions: [{ type: 'Ready', status: 'True' }] } }) },
      'node worker2 is arm64, and its own node is amd64',
    ],
    [
      'to a node with another runtime',
      {
        target: node({
          status: { nodeInfo: { containerRuntimeVersion: 'containerd://2.3.1' }, conditions: [{ type: 'Ready', status: 'True' }] },
        }),
      },
      'the runtime of node worker2 cannot hand containers over (containerd://2.3.1; that of the toolkit’s nodes can)',
    ],
    ['to a cordoned node', { target: node({ spec: { unschedulable: true } }) }, /is cordoned/],
    ['to a node with a taint', { target: tainted('NoExecute') }, /the taint gpu=yes:NoExecute/],
    ['with the processes of its node in sight', { pod: pod({ spec: { hostPID: true } }) }, /hostPID/],
    [
      'when its port is taken',
      {
        pod: pod({ spec: { containers: [{ name: 'main', ports: [{ hostPort: 80 }] }] } }),
        portsTaken: new Map([['80/TCP', 'kube-system/ingress']]),
      },
      'port 80/TCP of node worker2 is taken by pod kube-system/ingress',
    ],
    [
      'with a volume for one node at a time',
      { pod: claimed, claims: claim(['ReadWriteOnce'], {}) },
      /one node at a time \(claim c, ReadWriteOnce\)/,
    ],
    [
      'with a volume that is bound to nodes',
      { pod: claimed, claims: claim(['ReadWriteMany'], { nodeAffinity: {} }) },
      /bound to certain nodes/,
    ],
    ['with a volume of which nothing is known', { pod: claimed }, /the claim c of its volume data cannot be read/],
    ['with a disk', { pod: volume({ iscsi: {} }) }, 'its volume data cannot be on two nodes at once (iscsi)'],
    ['with a volume of its own', { pod: volume({ ephemeral: {} }) }, /made for this pod alone/],
    ['without the right', { missingRights: ['create pods/restore'] }, 'you may not create pods/restore'],
  ])('%s', (_, facts, said) => {
    const { refusals } = judge({ ...fine, ...facts });
    expect(refusals).toHaveLength(1);
    expect(refusals[0]).toMatch(said);
  });

  test('and all reasons are told at once', () => {
    expect(judge({ ...fine, pod: owned('Job'), target: node({ spec: { unschedulable: true } }) }).refusals).toHaveLength(2);
  });
});
