import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readArchive } from '../../scripts/checkpoint/archive.js';
import { checkpoint } from '../../scripts/checkpoint/checkpoint.js';
import { resumeIfPaused } from '../../scripts/checkpoint/cleanup.js';
import { removeArchive, takeArchive } from '../../scripts/checkpoint/node-archive.js';
import { kubectl } from '../../scripts/lib/cluster/kubectl.js';
import { Node } from '../../scripts/lib/cluster/node.js';
import { findContainer, type RunningContainer } from '../../scripts/lib/cluster/pod.js';
import { applyAnew, counterManifest, countsPast, podCount } from '../../scripts/workloads/counter-pod.js';
import { counterImage } from '../support/names.js';
import { realContext } from '../support/real.js';
import { toolkitJson } from '../support/toolkit.js';

const CONTAINER = 'counter-container';
const { ctx, said, dispose } = realContext();
let container: RunningContainer;

let node: Node;

const status = async (): Promise<string | undefined> => (await node.tasks()).find(({ id }) => id === container.id)?.status;
const archives = (): Promise<string> => node.run(['ls', '/var/lib/kubelet/checkpoints']).then(({ stdout }) => stdout);

beforeAll(async () => {
  await toolkitJson('cluster:up');
  await toolkitJson('image:load', [counterImage]);
  await applyAnew(ctx, await counterManifest(ctx, 'counter-pod.yaml'), 'counter');
  container = await findContainer(ctx, 'default', 'counter', undefined);
  node = new Node(ctx.runner, container.node);
  await countsPast(ctx, 'counter', CONTAINER, 2);
});

afterAll(dispose);

describe('a checkpoint', () => {
  test('of a container that was left paused ends with the container running, whatever the kubelet answers', async () => {
    await node.ctr(['tasks', 'pause', container.id]);
    expect(await status()).toBe('PAUSED');
    await checkpoint(ctx, container).then(
      (made) => removeArchive(ctx, made),
      () => undefined,
    );
    expect(await status()).toBe('RUNNING');
    expect(said.join('\n')).toContain('had been left paused: it runs again');
    const { last } = await podCount(ctx, 'counter', CONTAINER);
    await countsPast(ctx, 'counter', CONTAINER, last + 2);
    expect((await findContainer(ctx, 'default', 'counter', undefined)).restartCount).toBe(0);
  });

  test('that fails leaves no archive, no image and a running container', async () => {
    const before = { archives: await archives(), images: await node.images() };
    // CRIU is not found: the runtime refuses.
    await node.run(['mv', '/usr/local/sbin/criu', '/usr/local/sbin/criu.away']);
    try {
      await expect(checkpoint(ctx, container)).rejects.toThrow('container counter-container of pod counter could not be checkpointed');
    } finally {
      await node.run(['mv', '/usr/local/sbin/criu.away', '/usr/local/sbin/criu']);
    }
    expect({ archives: await archives(), images: await node.images() }).toEqual(before);
    expect(await status()).toBe('RUNNING');
    expect(await resumeIfPaused(node, container)).toBe(false);
  });

  test('and another of the same container at the same time both succeed, one after the other', async () => {
    const made = await Promise.all([checkpoint(ctx, container), checkpoint(ctx, container), checkpoint(ctx, container)]);
    expect(new Set(made.map(({ archive }) => archive)).size).toBe(3);
    for (const one of made) await removeArchive(ctx, one);
  });

  test('of a process that is not root works', async () => {
    const manifest = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'not-root' },
      spec: {
        terminationGracePeriodSeconds: 1,
        securityContext: { runAsUser: 1000, runAsGroup: 1000, runAsNonRoot: true },
        containers: [{ name: CONTAINER, image: counterImage, imagePullPolicy: 'Never' }],
      },
    };
    await applyAnew(ctx, JSON.stringify(manifest), 'not-root');
    try {
      await countsPast(ctx, 'not-root', CONTAINER, 2);
      const found = await findContainer(ctx, 'default', 'not-root', undefined);
      const made = await checkpoint(ctx, found);
      const copy = await takeArchive(ctx, made);
      expect((await readArchive(copy)).pod).toBe('not-root');
      await removeArchive(ctx, made);
      await countsPast(ctx, 'not-root', CONTAINER, (await podCount(ctx, 'not-root', CONTAINER)).last + 2);
    } finally {
      await kubectl(ctx, ['delete', 'pod', 'not-root', '--now']);
    }
  });

  test('of a process that listens on a TCP socket works', async () => {
    const count = 'i=0; while true; do echo $i; i=$((i + 1)); sleep $INTERVAL; done';
    const manifest = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'listener' },
      spec: {
        terminationGracePeriodSeconds: 1,
        containers: [{ name: CONTAINER, image: counterImage, imagePullPolicy: 'Never', command: ['sh', '-c', `nc -l -p 8080 & ${count}`] }],
      },
    };
    await applyAnew(ctx, JSON.stringify(manifest), 'listener');
    try {
      await countsPast(ctx, 'listener', CONTAINER, 2);
      await removeArchive(ctx, await checkpoint(ctx, await findContainer(ctx, 'default', 'listener', undefined)));
      await countsPast(ctx, 'listener', CONTAINER, (await podCount(ctx, 'listener', CONTAINER)).last + 2);
    } finally {
      await kubectl(ctx, ['delete', 'pod', 'listener', '--now']);
    }
  });
});
