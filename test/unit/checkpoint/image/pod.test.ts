import { expect, test } from 'vitest';
import { reshapeWithImages } from '../../../../scripts/checkpoint/image/pod.js';
import { readOldPod } from '../../../../scripts/checkpoint/pod-manifest.js';

const old = readOldPod(
  {
    metadata: { name: 'shop', namespace: 'market', annotations: { 'restore.checkpoint.containerd.io/web': 'old.tar', note: 'kept' } },
    spec: {
      volumes: [{ name: 'data', emptyDir: {} }],
      initContainers: [
        { name: 'fill', image: 'fill:1', volumeMounts: [{ name: 'data', mountPath: '/data' }] },
        { name: 'proxy', image: 'proxy:1', restartPolicy: 'Always' },
      ],
      containers: [
        { name: 'web', image: 'web:1', imagePullPolicy: 'Always', volumeMounts: [{ name: 'data', mountPath: '/data' }] },
        { name: 'log', image: 'log:1' },
      ],
    },
  },
  'the test',
);

test('a pod of images of checkpoints has them in place of its own, and no annotation that our containerd would go by', () => {
  const image = (name: string) => ({ image: `localhost/checkpoint/${name}:1`, imagePullPolicy: 'Never' as const });
  const { manifest, fromImage, initContainersLeftOut } = reshapeWithImages(
    old,
    { name: 'shop-2', node: 'node' },
    { web: image('web'), proxy: image('proxy') },
  );
  expect(manifest.spec.containers.map(({ name, image: given, imagePullPolicy }) => [name, given, imagePullPolicy])).toEqual([
    ['web', 'localhost/checkpoint/web:1', 'Never'],
    ['log', 'log:1', undefined],
  ]);
  // Its volumes are empty: what fills them runs again.
  expect(manifest.spec.initContainers?.map(({ name, image: given }) => [name, given])).toEqual([
    ['fill', 'fill:1'],
    ['proxy', 'localhost/checkpoint/proxy:1'],
  ]);
  expect(initContainersLeftOut).toEqual([]);
  expect(fromImage).toEqual(['log']);
  expect(Object.keys(manifest.metadata.annotations).filter((name) => name.startsWith('restore.'))).toEqual([]);
  expect(manifest.metadata.annotations['note']).toBe('kept');
});
