import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { checkpoint } from '../../scripts/checkpoint/checkpoint.js';
import { removeArchive } from '../../scripts/checkpoint/node-archive.js';
import { kubectl } from '../../scripts/lib/cluster/kubectl.js';
import { findContainer } from '../../scripts/lib/cluster/pod.js';
import { countsPast, podCount } from '../../scripts/workloads/counter-pod.js';
import { clusterName, counterImage } from '../support/names.js';
import { realContext } from '../support/real.js';
import { toolkit, toolkitJson } from '../support/toolkit.js';

const two = `${clusterName}-two`;
const { ctx, dispose } = realContext({ clusterName: two });
const nodes = { server: `${two}-control-plane`, client: `${two}-worker` } as const;
let folder: string;
let config: string;

/** A pod that is bound to a node. */
const pod = (name: string, node: string): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels: { app: name } },
    spec: {
      nodeName: node,
      terminationGracePeriodSeconds: 1,
      containers: [{ name: 'counter-container', image: counterImage, imagePullPolicy: 'Never' }],
    },
  });

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'two-'));
  config = path.join(folder, 'two.yaml');
  await writeFile(
    config,
    'kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nnodes:\n  - role: control-plane\n  - role: worker\n  - role: worker\n',
  );
  await toolkitJson('cluster:up', ['--name', two, '--config', config]);
  await toolkitJson('image:load', ['--name', two, counterImage]);
  for (const [name, node] of Object.entries(nodes)) await kubectl(ctx, ['apply', '--filename', '-'], { input: pod(name, node) });
  await kubectl(ctx, ['wait', '--for=condition=Ready', 'pod/server', 'pod/client', '--timeout=60s']);
});

afterAll(async () => {
  await toolkit('cluster:down', ['--name', two]);
  await rm(folder, { recursive: true, force: true });
  dispose();
});

test('pods start from checkpoint archives, from node to node, and from none that does not fit', async () => {
  const { proven } = (await toolkitJson('e2e:restore', ['--name', two, '--config', config])) as { proven: Array<{ what: string }> };
  expect(proven.map(({ what }) => what)).toEqual([
    'a counter is checkpointed',
    'a pod starts from the archive: the count goes on, the log has its beginning, the image is the true one',
    'a second pod starts from the same archive',
    'when its process has ended it starts from its image',
    'or goes back to its archive, when its pod says so',
    'a counter is restored 6 times in a row, each time from a checkpoint of the one before, over 3 nodes',
    'open files in an emptyDir, one in memory and /dev/shm come along with their content',
    'so do changes of the root file system, with modes and deletions',
    'two containers of a pod start from an archive each',
    'a server listens on, and a connection to itself lives on',
    'a container with a terminal goes on',
    'the restore command makes the pod out of its archives, brings them to a node, and both containers go on',
    'when its process ends later it starts from its image, though its archive is gone',
    'it takes an archive from a node, by a pod there where Docker may not be asked; the other container is started anew',
    'an archive without its pod is refused, unless a manifest is given',
    'it refuses what cannot be restored, 5 ways, and makes nothing',
    'when it is stopped its pod is removed, and what it had brought',
    'numbers go to and fro over the loopback and Unix sockets inside a container, and none is lost',
    'its connections to the outside and to another container of its pod are closed, and both ends are told',
    'locks on files are held, by flock and by fcntl',
    'a sidecar is restored, too',
    '64 MiB and 256 MiB of random bytes are the same, by the SHA-256 that their processes take of them',
    'containerd killed in the middle of a restore: nothing of it is left running, and it is restored again',
    'a sandbox made anew before the first success: the emptyDir is filled again',
    'a volume that is larger than checkpoint_volumes_limit is left out, and its archive refused',
    'a node without the image of the container says so, and restores once it is loaded',
    'one where another image has its name refuses',
    'a counter moves to another node, and back, and loses no number',
    'a pod with two containers moves as a whole',
    'a pod of a Deployment moves: the ReplicaSet adopts it, and makes no other',
    ...['StatefulSet', 'DaemonSet', 'Job'].map((kind) => `a pod of a ${kind} does not move, and the reason is told`),
    'a pod that the other node turns away runs on',
    'Redis answers with its data after it has moved, and writes on',
    '10 pods move in one go',
    'who may make pods may not restore them',
    'nor turn a pod into a restored one',
    'who has the right to create pods/restore may, and change it afterwards without',
    ...[
      'that is absent',
      'that is empty',
      'that is no tar',
      'that is compressed',
      'that is cut off',
      'that is a link',
      'with a link in it',
      'with a path that leads outside',
      'with a file that no checkpoint has',
      'of another namespace',
      'of another container',
      'of another image',
      'of another architecture',
      'of a CPU with features that this one lacks',
      'whose mount the pod lacks',
    ].map((what) => `an archive ${what} is refused`),
    'a container whose memory is missing does not start at all: CRIU’s reason is told, and its log is kept',
  ]);
});

test('pods reach each other across nodes', async () => {
  const { stdout: address } = await kubectl(ctx, ['get', 'pod', 'server', '--output', 'jsonpath={.status.podIP}']);
  expect((await kubectl(ctx, ['exec', 'client', '--', 'ping', '-c', '2', '-W', '5', address])).stdout).toContain('2 packets received');
});

test('names of the cluster resolve on every node', async () => {
  for (const name of Object.keys(nodes)) {
    const { stdout } = await kubectl(ctx, ['exec', name, '--', 'nslookup', 'kubernetes.default.svc.cluster.local']);
    expect(stdout).toContain('10.96.0.1');
  }
});

test('a volume of the default storage class is served', async () => {
  const claim = {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: 'data' },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Mi' } } },
  };
  const writer = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'writer' },
    spec: {
      restartPolicy: 'Never',
      containers: [
        {
          name: 'writer',
          image: counterImage,
          imagePullPolicy: 'Never',
          command: ['sh', '-c', 'echo kept > /data/file && cat /data/file'],
          volumeMounts: [{ name: 'data', mountPath: '/data' }],
        },
      ],
      volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }],
    },
  };
  for (const object of [claim, writer]) await kubectl(ctx, ['apply', '--filename', '-'], { input: JSON.stringify(object) });
  await kubectl(ctx, ['wait', '--for=jsonpath={.status.phase}=Succeeded', 'pod/writer', '--timeout=90s']);
  expect((await kubectl(ctx, ['logs', 'writer'])).stdout).toBe('kept');
});

test('a pod on a worker is checkpointed', async () => {
  const container = await findContainer(ctx, 'default', 'client', undefined);
  expect(container.node).toBe(nodes.client);
  const made = await checkpoint(ctx, container);
  await countsPast(ctx, 'client', 'counter-container', (await podCount(ctx, 'client', 'counter-container')).last + 2);
  await removeArchive(ctx, made);
});
