import { readdir, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { bringToNode, type PodManifest, restoredPod } from '../../../scripts/checkpoint/restore.js';
import { testContext } from '../../support/context.js';
import { fakeRunner } from '../../support/fake-runner.js';

const POD: PodManifest = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'counter', annotations: { kept: 'yes' } },
  spec: { nodeName: 'one', containers: [{ name: 'main' }] },
};
const NAME = 'checkpoint-counter_default-main-2026-11-25T22:00:00Z.tar';
const ARCHIVE = { archive: `/var/lib/kubelet/checkpoints/${NAME}`, node: 'one' };

test('a restored pod is the same one by another name, on its node, with the archive of each container', () => {
  expect(restoredPod(POD, 'again', 'two', { main: NAME, sidecar: 'other.tar' })).toEqual({
    ...POD,
    metadata: {
      name: 'again',
      annotations: {
        kept: 'yes',
        'restore.checkpoint.containerd.io/main': NAME,
        'restore.checkpoint.containerd.io/sidecar': 'other.tar',
      },
    },
    spec: { nodeName: 'two', containers: [{ name: 'main' }] },
  });
});

test('an archive that is on the node already is not copied', async () => {
  expect(await bringToNode(testContext(), ARCHIVE, 'one')).toBe(NAME);
});

test('an archive comes to another node under its own name when it is whole, for root alone, and nothing of it stays here', async () => {
  const runner = fakeRunner(async ({ file, args }) => {
    if (file === 'docker' && args[0] === 'cp' && args[2]?.startsWith('one:')) await writeFile(args[3] ?? '', 'an archive');
    return file === 'docker' ? '' : undefined;
  });
  const ctx = testContext({ runner });
  expect(await bringToNode(ctx, ARCHIVE, 'two')).toBe(NAME);
  const folder = ARCHIVE.archive.replace(`/${NAME}`, '');
  const lines = runner.lines.map((line) => line.replaceAll(/\S+\/archive-\S+/g, 'FILE'));
  expect(lines).toEqual([
    `docker cp --quiet one:${ARCHIVE.archive} FILE`,
    `docker exec two mkdir -p -m 0700 ${folder}`,
    `docker cp --quiet FILE two:${ARCHIVE.archive}.part`,
    expect.stringMatching(new RegExp(`^docker exec two sh -c .*chmod 0600.*mv .* sh ${ARCHIVE.archive}.part ${ARCHIVE.archive}$`)),
  ]);
  expect(await readdir(ctx.paths.tmp)).toEqual([]);
});
