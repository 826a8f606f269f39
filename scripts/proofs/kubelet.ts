import { modeOf, readArchive } from '../checkpoint/archive.js';
import { checkpoint } from '../checkpoint/checkpoint.js';
import { type Checkpoint, removeArchive, takeArchive } from '../checkpoint/node-archive.js';
import { askKubelet, certificateHolder, metricValue } from '../lib/cluster/kubelet.js';
import { Node } from '../lib/cluster/node.js';
import { findContainer, type RunningContainer } from '../lib/cluster/pod.js';
import type { RuntimeAbilities } from '../lib/cluster/profile.js';
import type { Context } from '../lib/core/context.js';
import { expectSame, ToolkitError } from '../lib/core/errors.js';
import { median } from '../lib/core/median.js';
import { imageNames } from '../lib/core/options.js';
import { applyAnew, counterManifest, countsPast, podCount } from '../workloads/counter-pod.js';
import type { Proof } from './proof.js';

const POD = 'counter';
const CONTAINER = 'counter-container';
const METRIC = {
  total: 'kubelet_runtime_operations_total',
  errors: 'kubelet_runtime_operations_errors_total',
  labels: 'operation_type="checkpoint_container"',
};

/**
 * Proves the checkpoint of a running pod through its kubelet, by the request that people make by hand.
 * @param rounds how many are made in a row at the end, as quickly as the runtime allows
 * @returns the archive's path on the host
 */
export async function proveKubeletCheckpoint(
  ctx: Context,
  proof: Proof,
  rounds: number,
  runtime: Pick<RuntimeAbilities, 'apartByASecond'>,
): Promise<string> {
  const container = await proof.show('pod counter runs', async () => {
    await applyAnew(ctx, await counterManifest(ctx, 'counter-pod.yaml'), POD);
    const found = await findContainer(ctx, 'default', POD, CONTAINER);
    await countsPast(ctx, POD, CONTAINER, 2);
    return { seen: `on ${found.node}`, value: found };
  });
  const before = await metrics(ctx, container);
  const countBefore = (await podCount(ctx, POD, CONTAINER)).last;
  const made = await proof.show('the kubelet answers 200 and names the archive', async () => {
    // Without a timeout: exactly the request of the recipe.
    const value = await checkpoint(ctx, container, { timeoutSeconds: null });
    return { seen: `${value.archive} in ${value.seconds.toFixed(2)} s`, value };
  });
  const onHost = await proveArchive(ctx, proof, container, made);
  await proveGoesOn(ctx, proof, countBefore);
  await proof.show('the kubelet counted one checkpoint and no error', async () => {
    const after = await metrics(ctx, container);
    expectSame(after.total - before.total, 1, METRIC.total);
    expectSame(after.errors - before.errors, 0, METRIC.errors);
    return { seen: `${before.total} → ${after.total}`, value: undefined };
  });
  await proveRefusals(ctx, proof, container);
  await proveRow(ctx, proof, container, rounds, runtime);
  await removeArchive(ctx, made);
  return onHost;
}

/** The archive is for its owner alone, on the node and here, and a true checkpoint. @returns its path here */
async function proveArchive(ctx: Context, proof: Proof, container: RunningContainer, made: Checkpoint): Promise<string> {
  await proof.show('the archive lies on the node with mode 0600', async () => {
    const { stdout } = await new Node(ctx.runner, container.node).run(['stat', '--format', '%a %U %s', made.archive]);
    const [mode = '', owner = '', size = '0'] = stdout.split(' ');
    expectSame(mode, '600', 'mode');
    expectSame(owner, 'root', 'owner');
    return { seen: `${size} bytes`, value: undefined };
  });
  const onHost = await proof.show('it was copied to the host with mode 0600', async () => {
    const value = await takeArchive(ctx, made);
    expectSame((await modeOf(value)).toString(8), '600', 'mode');
    return { seen: value, value };
  });
  await proof.show('it is a true checkpoint: spec.dump, config.dump, inventory and pages, of this image and container', async () => {
    const content = await readArchive(onHost);
    expectSame(content.id, container.id, 'ID of the container in config.dump');
    if (!content.image.includes(imageNames(ctx.options).counter)) throw new ToolkitError(`config.dump names the image ${content.image}`);
    expectSame(content.pod, POD, 'pod in spec.dump');
    expectSame(content.container, CONTAINER, 'container in spec.dump');
    return { seen: `${content.files.length} files, ${content.bytes} bytes, ${content.image}`, value: undefined };
  });
  return onHost;
}

async function proveGoesOn(ctx: Context, proof: Proof, countBefore: number): Promise<void> {
  await proof.show('the counter goes on without gap or repeat, and was not restarted', async () => {
    const { first, last } = await countsPast(ctx, POD, CONTAINER, countBefore + 5);
    expectSame(first, 0, 'first number');
    expectSame((await findContainer(ctx, 'default', POD, CONTAINER)).restartCount, 0, 'restartCount');
    return { seen: `${countBefore} → ${last}`, value: undefined };
  });
}

async function proveRefusals(ctx: Context, proof: Proof, container: RunningContainer): Promise<void> {
  for (const [what, route] of [
    ['a pod that does not exist gets 404', `/checkpoint/default/no-such-pod/${CONTAINER}`],
    ['a container that does not exist gets 404', `/checkpoint/default/${POD}/no-such-container`],
  ] as const) {
    await proof.show(what, async () => {
      const answer = await askKubelet(ctx, await reachable(ctx, container), 'POST', route);
      expectSame(answer.status, 404, 'status');
      return { seen: answer.body.trim(), value: undefined };
    });
  }
}

/** Many in a row: each archive its own and whole, nothing left behind. */
async function proveRow(
  ctx: Context,
  proof: Proof,
  container: RunningContainer,
  rounds: number,
  { apartByASecond }: Pick<RuntimeAbilities, 'apartByASecond'>,
): Promise<void> {
  await proof.show(`${rounds} checkpoints in a row give ${rounds} distinct, whole archives, and no image is left behind`, async () => {
    const node = new Node(ctx.runner, container.node);
    const images = (await node.images()).join('\n');
    const made: Checkpoint[] = [];
    for (let round = 0; round < rounds; round++) made.push(await checkpoint(ctx, container, { apartByASecond }));
    const distinct = new Set(made.map(({ archive }) => archive));
    expectSame(distinct.size, rounds, 'distinct archives');
    for (const one of made) {
      const copy = await takeArchive(ctx, one);
      expectSame((await readArchive(copy)).id, container.id, 'ID of the container');
      await removeArchive(ctx, one);
      await ctx.cleanupRunner.run('rm', ['-f', copy]);
    }
    expectSame((await node.images()).join('\n'), images, 'images of the node');
    const { last } = await countsPast(ctx, POD, CONTAINER, (await podCount(ctx, POD, CONTAINER)).last + 2);
    const took = median(made.map(({ seconds }) => seconds));
    return { seen: `median ${took.toFixed(2)} s, the counter at ${last}`, value: undefined };
  });
}

async function reachable(ctx: Context, { node }: RunningContainer): Promise<{ node: string; via: string }> {
  return { node, via: await certificateHolder(ctx, ctx.options.clusterName, node) };
}

async function metrics(ctx: Context, container: RunningContainer): Promise<{ total: number; errors: number }> {
  const { status, body } = await askKubelet(ctx, await reachable(ctx, container), 'GET', '/metrics');
  expectSame(status, 200, 'status of /metrics');
  return { total: metricValue(body, METRIC.total, METRIC.labels), errors: metricValue(body, METRIC.errors, METRIC.labels) };
}
