import { checkpoint } from '../../checkpoint/checkpoint.js';
import { bringToNode, restoredPod } from '../../checkpoint/restore.js';
import { fullImageName, loadImage } from '../../lib/cluster/image-load.js';
import { archiveFolder } from '../../lib/cluster/kubelet.js';
import { Node } from '../../lib/cluster/node.js';
import type { Context } from '../../lib/core/context.js';
import { expectSame, ToolkitError } from '../../lib/core/errors.js';
import { imageNames } from '../../lib/core/options.js';
import { until } from '../../lib/core/until.js';
import { containersFolder, strike } from '../faults/case.js';
import type { Proof } from '../proof.js';
import { countsOnPast } from './counts.js';
import { apply, counter, eventOf, inPod, pod, remove, start, untilReady } from './pods.js';
import { container, MAIN, SOME } from './proof.js';

const SOURCE = 'keeper';
/** Counts, with a file open in an emptyDir: a restore without its content fails. */
const KEEPER = 'exec 3>>/disk/log; i=0; while :; do echo $i; echo $i >&3; i=$((i+1)); sleep 0.1; done';
/** Stops CRIU so that its restore is half-way, and kills containerd. */
const KILL_CONTAINERD = 'kill -STOP $(pgrep -x criu); systemctl kill --kill-whom=main --signal=KILL containerd';

/** Proves what becomes of restores when something is wrong with the node: containerd killed, sandbox gone, image gone, volume too large. */
export async function proveNodeTroubles(ctx: Context, proof: Proof, from: string, to: string): Promise<void> {
  const volumeMounts = [{ name: 'disk', mountPath: '/disk' }];
  const keeper = counter(ctx, MAIN, { command: ['sh', '-c', KEEPER], volumeMounts });
  const source = pod(SOURCE, from, [keeper], { volumes: [{ name: 'disk', emptyDir: {} }] });
  const on = new Node(ctx.runner, to);
  const archived = async (): Promise<string> => bringToNode(ctx, await checkpoint(ctx, await container(ctx, SOURCE)), to);
  await start(ctx, source);
  await countsOnPast(ctx, SOURCE, SOME);
  const archive = await archived();
  const restored = (name: string, from = archive): typeof source => restoredPod(source, name, to, { [MAIN]: from });
  const countsOn = async (name: string): Promise<{ seen: string; value: undefined }> => {
    const { last } = await countsOnPast(ctx, name, SOME + 10);
    await remove(ctx, name);
    return { seen: `0 … ${last}`, value: undefined };
  };

  await proof.show('containerd killed in the middle of a restore: nothing of it is left running, and it is restored again', async () => {
    const struck = strike(on, 'pgrep -x criu >/dev/null', KILL_CONTAINERD);
    await apply(ctx, restored('struck'));
    await struck;
    await until(
      ctx,
      'it is not restored again',
      () => restartsOf(ctx, 'struck'),
      (restarts) => restarts > 0,
      { patienceMs: 60_000 },
    );
    const { last } = await countsOnPast(ctx, 'struck', SOME + 10);
    expectSame((await on.run(['pgrep', '-x', 'criu'], { accept: true })).stdout, '', 'processes of CRIU');
    expectSame((await on.run(['find', containersFolder, '-name', 'ctrd-restore'])).stdout, '', 'unpacked archives');
    await remove(ctx, 'struck');
    return { seen: `0 … ${last}`, value: undefined };
  });
  await proof.show('a sandbox made anew before the first success: the emptyDir is filled again', async () => {
    const damaged = 'damaged.tar';
    const make = 'cd "$1" && rm -rf x && mkdir -m 0700 x && tar --force-local -xf "$2" -C x && truncate -s 4096 x/checkpoint/pages-1.img';
    await on.run(['sh', '-c', `${make} && (cd x && tar -cf "../$3" *) && rm -rf x`, 'sh', archiveFolder, archive, damaged]);
    await apply(ctx, restored('without-sandbox', damaged));
    await eventOf(ctx, 'without-sandbox', /The pages image ends at \w+, before its pagemap/);
    const first = await sandboxOf(on, 'without-sandbox');
    const task = (await on.tasks()).find(({ id }) => id === first);
    await on.run(['kill', '-9', String(task?.pid)]);
    await until(
      ctx,
      'no new sandbox is made',
      () => sandboxOf(on, 'without-sandbox'),
      (id) => id !== '' && id !== first,
    );
    await on.run(['sh', '-c', 'cd "$1" && cp "$2" "$3"', 'sh', archiveFolder, archive, damaged]);
    await untilReady(ctx, 'without-sandbox');
    expectSame((await inPod(ctx, 'without-sandbox', 'head -1 /disk/log')).trim(), '0', 'first line of the file in the emptyDir');
    await on.remove(`${archiveFolder}/${damaged}`);
    return countsOn('without-sandbox');
  });
  await proof.show('a volume that is larger than checkpoint_volumes_limit is left out, and its archive refused', async () => {
    // A file without content is as large as any.
    await inPod(ctx, SOURCE, 'truncate -s 1100M /disk/large');
    const small = await archived();
    const members = (await on.run(['tar', '--force-local', '-tf', `${archiveFolder}/${small}`])).stdout.split('\n');
    expectSame(members.filter((member) => /^volumes\/\d/.test(member)).join(', '), 'volumes/1.tar', 'volumes in the archive');
    await apply(ctx, restored('too-large', small));
    const seen = await eventOf(ctx, 'too-large', /the volume on \/disk was too large for it/);
    await remove(ctx, 'too-large');
    await on.remove(`${archiveFolder}/${small}`);
    return { seen, value: undefined };
  });
  await proveWithoutImage(ctx, proof, on, restored, countsOn);
  await on.remove(`${archiveFolder}/${archive}`);
  await remove(ctx, SOURCE);
}

/** Proves what becomes of a restore where the image of its container is not, and where another one has its name. */
async function proveWithoutImage(
  ctx: Context,
  proof: Proof,
  on: Node,
  restored: (name: string) => ReturnType<typeof restoredPod>,
  countsOn: (name: string) => Promise<{ seen: string; value: undefined }>,
): Promise<void> {
  const { counter: image, witness: other } = imageNames(ctx.options);
  await proof.show('a node without the image of the container says so, and restores once it is loaded', async () => {
    await removeImage(on, image);
    await apply(ctx, restored('without-image'));
    const seen = await eventOf(ctx, 'without-image', /Container image "\S+" is not present with pull policy of Never/);
    await loadImage(ctx, image);
    await untilReady(ctx, 'without-image');
    await countsOn('without-image');
    return { seen, value: undefined };
  });
  await proof.show('one where another image has its name refuses', async () => {
    await on.ctr(['images', 'tag', '--force', fullImageName(other), fullImageName(image)]);
    await apply(ctx, restored('other-image'));
    const seen = await eventOf(ctx, 'other-image', /it is of a container of image sha256:\w+ \(\S*\), and this one's is sha256:\w+/);
    await remove(ctx, 'other-image');
    await loadImage(ctx, image);
    return { seen, value: undefined };
  });
}

/** Removes an image from a node, by all of its names. */
async function removeImage(on: Node, image: string): Promise<void> {
  const { stdout } = await on.ctr(['images', 'ls', `name==${fullImageName(image)}`]);
  const digest = /\s(sha256:[0-9a-f]{64})\s/.exec(stdout)?.[1];
  if (digest === undefined) throw new ToolkitError(`there is no image ${image} on the node`, { details: [stdout] });
  await on.ctr(['images', 'rm', '--sync', ...(await on.images(`target.digest==${digest}`))]);
}

/** The newest sandbox of a pod on a node; nothing while there is none. */
async function sandboxOf(on: Node, name: string): Promise<string> {
  const filter = `labels."io.kubernetes.pod.name"==${name},labels."io.cri-containerd.kind"==sandbox`;
  const ids = (await on.ctr(['containers', 'ls', '--quiet', filter])).stdout.split('\n').filter(Boolean);
  const running = (await on.tasks()).filter(({ status }) => status === 'RUNNING').map(({ id }) => id);
  return ids.find((id) => running.includes(id)) ?? '';
}

/** How often the container of a pod was made again; -1 while it does not run. */
const restartsOf = (ctx: Context, name: string): Promise<number> =>
  container(ctx, name).then(
    ({ restartCount }) => restartCount,
    () => -1,
  );
