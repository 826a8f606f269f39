import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { checkpoint } from '../../scripts/checkpoint/checkpoint.js';
import { takeArchive } from '../../scripts/checkpoint/node-archive.js';
import { kubeContext, kubectl } from '../../scripts/lib/cluster/kubectl.js';
import { nodeContainers } from '../../scripts/lib/cluster/node.js';
import { findContainer } from '../../scripts/lib/cluster/pod.js';
import { readRestoredCount } from '../../scripts/workloads/counter.js';
import { clusterName } from '../support/names.js';
import { realContext } from '../support/real.js';
import { toolkit, toolkitJson } from '../support/toolkit.js';

const PROFILE = 'containerd-2.3';
const { ctx, dispose } = realContext({ profile: PROFILE });
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'profiles-'));
  await toolkitJson('cluster:up');
});

afterAll(async () => {
  await toolkit('cluster:down', ['--profile', PROFILE]);
  await rm(folder, { recursive: true, force: true });
  dispose();
});

test('a cluster with a released containerd is proven to checkpoint, beside the default one', async () => {
  const { proven } = (await toolkitJson('e2e:checkpoint', ['--profile', PROFILE])) as { proven: unknown[] };
  expect(proven).toHaveLength(11);
  const status = async (...args: string[]) =>
    (await toolkitJson('cluster:status', args)) as {
      cluster: string;
      serves: boolean;
      outdated: string | null;
      nodes: Array<{ runtime: string }>;
    };
  const [ours, released] = [await status(), await status('--profile', PROFILE)];
  expect([ours.cluster, released.cluster]).toEqual([clusterName, `${clusterName}-containerd-2-3`]);
  for (const { serves, outdated } of [ours, released]) expect({ serves, outdated }).toEqual({ serves: true, outdated: null });
  expect(ours.nodes[0]?.runtime).toContain('+checkpoint');
  expect(released.nodes[0]?.runtime).toMatch(/^containerd:\/\/2\.3\.\d+$/);
});

test('what only our runtime promises is refused there', async () => {
  const { exitCode, stderr } = await toolkit('e2e:checkpoint', ['--profile', PROFILE, '--hard']);
  expect(exitCode).toBe(2);
  expect(stderr).toContain(`the runtime of profile ${PROFILE} does not promise what that proves`);
});

test('containers start from images of checkpoints there', async () => {
  const { proven } = (await toolkitJson('e2e:restore', ['--profile', PROFILE])) as { proven: Array<{ what: string }> };
  expect(proven.map(({ what }) => what)).toEqual([
    'the node is found to restore from images, by what it and its runtime say',
    'a checkpoint of a counter becomes an image, and is imported into a node',
    'a pod of that image goes on counting, its log has its beginning, and what was changed in its files is there',
    'so does a second one',
    'when its process has ended it goes back to the checkpoint',
    'a counter is restored 6 times in a row from images, each time of a checkpoint of the one before, over 1 nodes',
  ]);
});

test('the restore command finds that way by itself', async () => {
  const container = await findContainer(ctx, 'default', 'counter', 'counter-container');
  const archive = await takeArchive(ctx, await checkpoint(ctx, container), path.join(folder, 'counter.tar'));
  const manifest = path.join(folder, 'pod.json');
  await writeFile(manifest, (await kubectl(ctx, ['get', 'pod', 'counter', '--output', 'json'])).stdout);
  const context = ['--context', kubeContext(ctx.options.clusterName)];
  const restored = (await toolkitJson('restore', [archive, '--pod', manifest, '--name', 'counter-again', ...context])) as Record<
    string,
    unknown
  >;
  expect(restored).toMatchObject({
    by: 'image',
    containers: [{ image: expect.stringMatching(/^localhost\/checkpoint\//), proof: { by: 'log' } }],
  });
  const { stdout } = await kubectl(ctx, ['logs', 'counter-again']);
  expect(readRestoredCount(stdout, 1).first).toBe(0);
  await kubectl(ctx, ['delete', 'pod', 'counter-again', '--now']);
});

test('the clusters of two profiles go one by one', async () => {
  await toolkitJson('cluster:down', ['--profile', PROFILE]);
  expect(await nodeContainers(ctx, ctx.options.clusterName)).toEqual([]);
  expect(await nodeContainers(ctx, clusterName)).toHaveLength(1);
});
