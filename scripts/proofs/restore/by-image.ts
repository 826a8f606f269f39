import { rm } from 'node:fs/promises';
import path from 'node:path';
import { checkpoint } from '../../checkpoint/checkpoint.js';
import { importCheckpoint } from '../../checkpoint/image/to-node.js';
import { removeArchive, takeArchive } from '../../checkpoint/node-archive.js';
import { podOfImages } from '../../checkpoint/restore.js';
import { askRestoreWay } from '../../checkpoint/restore-way.js';
import { kubeContext } from '../../lib/cluster/kubectl.js';
import { Node } from '../../lib/cluster/node.js';
import type { Context } from '../../lib/core/context.js';
import { expectSame } from '../../lib/core/errors.js';
import { makeFolder } from '../../lib/core/files.js';
import { connect } from '../../lib/kube/client.js';
import { type Count, readRestoredCount } from '../../workloads/counter.js';
import type { Proof } from '../proof.js';
import { countsOnPast } from './counts.js';
import { counter, inPod, logBegan, logOf, pod, remove, start } from './pods.js';
import { container, HOPS, killProcess, MAIN, SOME } from './proof.js';

/** Checkpoints a container of a pod, and brings the archive into a node as an image. @returns the image's name */
export async function imageOf(ctx: Context, name: string, target: string, which = MAIN): Promise<string> {
  const made = await checkpoint(ctx, await container(ctx, name, which));
  const folder = await makeFolder(ctx.paths.tmp, 'archive-');
  try {
    const archive = await takeArchive(ctx, made, path.join(folder, 'archive.tar'));
    return await importCheckpoint(ctx, new Node(ctx.runner, target), archive);
  } finally {
    await rm(folder, { recursive: true, force: true });
    await removeArchive({ runner: ctx.cleanupRunner }, made);
  }
}

/** As {@link countsOnPast}, of a counter that was restored so many times. */
function restoredPast(ctx: Context, name: string, number: number, restores = 1): Promise<Count> {
  return countsOnPast(ctx, name, number, MAIN, (output) => readRestoredCount(output, restores));
}

/** Proves that containers start from images that are made of archives, on the same node and from node to node. */
export async function proveRestoreByImage(ctx: Context, proof: Proof, from: string, to: string): Promise<void> {
  const command = ['sh', '-c', 'echo changed >/changed; chmod 604 /changed; i=0; while :; do echo $i; i=$((i+1)); sleep 0.1; done'];
  const source = pod('counter', from, [counter(ctx, MAIN, { command })]);
  await proof.show('the node is found to restore from images, by what it and its runtime say', async () => {
    const kube = await connect(ctx.env, { context: kubeContext(ctx.options.clusterName) });
    const node = await kube.core.readNode({ name: to });
    expectSame((await askRestoreWay(ctx, kube, node)).kind, 'image', 'way of a restore');
    return { seen: node.status?.nodeInfo?.containerRuntimeVersion ?? '', value: undefined };
  });
  const { image, last } = await proof.show('a checkpoint of a counter becomes an image, and is imported into a node', async () => {
    await start(ctx, source);
    await countsOnPast(ctx, 'counter', SOME);
    const name = await imageOf(ctx, 'counter', to);
    const { last: number } = await countsOnPast(ctx, 'counter', SOME);
    return { seen: `${name} on ${to}, at about ${number}`, value: { image: name, last: number } };
  });
  await proof.show(
    'a pod of that image goes on counting, its log has its beginning, and what was changed in its files is there',
    async () => {
      await start(ctx, podOfImages(source, 'restored', to, { [MAIN]: image }));
      const { last: now } = await restoredPast(ctx, 'restored', last + 5);
      expectSame((await container(ctx, 'restored')).restartCount, 0, 'restartCount');
      expectSame(await inPod(ctx, 'restored', 'stat -c %a /changed; cat /changed'), '604\nchanged', 'changed file');
      return { seen: `0 … ${now}`, value: undefined };
    },
  );
  await proof.show('so does a second one', async () => {
    await start(ctx, podOfImages(source, 'twin', to, { [MAIN]: image }));
    const { last: now } = await restoredPast(ctx, 'twin', last + 5);
    return { seen: `0 … ${now}`, value: undefined };
  });
  await proof.show('when its process has ended it goes back to the checkpoint', async () => {
    const killed = await killProcess(ctx, 'restored');
    const { last: now } = await restoredPast(ctx, 'restored', SOME);
    expectSame((await logBegan(ctx, 'restored', MAIN)) < killed, true, 'whether its log begins with that of the archive');
    return { seen: `at ${now} again`, value: undefined };
  });
  await remove(ctx, 'restored', 'twin', 'counter');
}

/** Proves that a container goes from node to node by images, or from pod to pod on the only one, and loses no number. */
export async function proveHopsByImage(ctx: Context, proof: Proof, nodes: readonly string[]): Promise<void> {
  const what = `a counter is restored ${HOPS} times in a row from images, each time of a checkpoint of the one before, over ${nodes.length} nodes`;
  await proof.show(what, async () => {
    const at = (hop: number): string => nodes[hop % nodes.length] ?? '';
    const source = pod('hop-0', at(0), [counter(ctx, MAIN)]);
    await start(ctx, source);
    let reached = SOME;
    for (let hop = 1; hop <= HOPS; hop++) {
      const from = `hop-${hop - 1}`;
      reached = (await restoredPast(ctx, from, reached, hop - 1)).last;
      const image = await imageOf(ctx, from, at(hop));
      await remove(ctx, from);
      await start(ctx, podOfImages(source, `hop-${hop}`, at(hop), { [MAIN]: image }));
    }
    await restoredPast(ctx, `hop-${HOPS}`, reached + 2, HOPS);
    const { last, repeated } = readRestoredCount(await logOf(ctx, `hop-${HOPS}`, MAIN), HOPS);
    await remove(ctx, `hop-${HOPS}`);
    return { seen: `0 … ${last}, ${repeated} of them twice in the log`, value: undefined };
  });
}
