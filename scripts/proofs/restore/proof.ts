import { rewindAnnotation } from '../../checkpoint/annotations.js';
import { checkpoint } from '../../checkpoint/checkpoint.js';
import { bringToNode, restoredPod } from '../../checkpoint/restore.js';
import { Node } from '../../lib/cluster/node.js';
import { findContainer, type RunningContainer } from '../../lib/cluster/pod.js';
import type { Context } from '../../lib/core/context.js';
import { expectSame } from '../../lib/core/errors.js';
import { until } from '../../lib/core/until.js';
import { readCount } from '../../workloads/counter.js';
import type { Proof } from '../proof.js';
import { countsOnPast } from './counts.js';
import { counter, inPod, logBegan, logOf, NAMESPACE, pod, remove, start } from './pods.js';

/** The container of a pod with only one. */
export const MAIN = 'main';
/** Numbers that a counter must have printed before its checkpoint, so that a fresh start cannot be taken for it. */
export const SOME = 20;
/** How often a container is moved in a row. */
export const HOPS = 6;

/** A container of a pod of the proof. */
export const container = (ctx: Context, name: string, which = MAIN): Promise<RunningContainer> =>
  findContainer(ctx, NAMESPACE, name, which);

/** Proves what a container is that starts from an archive, on one node. */
export async function proveRestore(ctx: Context, proof: Proof, node: string): Promise<void> {
  const source = pod('counter', node, [counter(ctx, MAIN)]);
  const { archive, last } = await proof.show('a counter is checkpointed', async () => {
    await start(ctx, source);
    await countsOnPast(ctx, 'counter', SOME);
    const made = await checkpoint(ctx, await container(ctx, 'counter'));
    const { last: number } = await countsOnPast(ctx, 'counter', SOME);
    return { seen: `${made.archive}, at about ${number}`, value: { archive: await bringToNode(ctx, made, node), last: number } };
  });
  await proof.show('a pod starts from the archive: the count goes on, the log has its beginning, the image is the true one', async () => {
    await start(ctx, restoredPod(source, 'restored', node, { [MAIN]: archive }));
    const { last: now } = await countsOnPast(ctx, 'restored', last + 5);
    const { restartCount, image } = await container(ctx, 'restored');
    expectSame(restartCount, 0, 'restartCount');
    expectSame(image, (await container(ctx, 'counter')).image, 'image');
    return { seen: `0 … ${now}, ${image}`, value: undefined };
  });
  await proof.show('a second pod starts from the same archive', async () => {
    await start(ctx, restoredPod(source, 'twin', node, { [MAIN]: archive }));
    const { last: now } = await countsOnPast(ctx, 'twin', last + 5);
    return { seen: `0 … ${now}`, value: undefined };
  });
  await proof.show('when its process has ended it starts from its image', async () => {
    const killed = await killProcess(ctx, 'restored');
    const { last: now } = await countsOnPast(ctx, 'restored', 2);
    // What an archive brings was printed before.
    expectSame((await logBegan(ctx, 'restored', MAIN)) > killed, true, 'whether its log begins anew');
    const before = readCount(await logOf(ctx, 'restored', MAIN, { previous: true }));
    return { seen: `${before.last}, then 0 … ${now}`, value: undefined };
  });
  await proof.show('or goes back to its archive, when its pod says so', async () => {
    const rewinding = restoredPod(source, 'rewinding', node, { [MAIN]: archive });
    const annotations = { ...rewinding.metadata.annotations, [rewindAnnotation(MAIN)]: 'true' };
    await start(ctx, { ...rewinding, metadata: { ...rewinding.metadata, annotations } });
    await countsOnPast(ctx, 'rewinding', last + 20);
    const killed = await killProcess(ctx, 'rewinding');
    const { last: now } = await countsOnPast(ctx, 'rewinding', SOME);
    expectSame((await logBegan(ctx, 'rewinding', MAIN)) < killed, true, 'whether its log begins with that of the archive');
    return { seen: `at ${now} again`, value: undefined };
  });
  await remove(ctx, 'restored', 'twin', 'rewinding', 'counter');
}

/** Ends the process of a container, and returns when the kubelet has started it again. @returns when it was ended, milliseconds */
export async function killProcess(ctx: Context, name: string): Promise<number> {
  const { node, id, restartCount } = await container(ctx, name);
  const on = new Node(ctx.runner, node);
  const task = (await on.tasks()).find((one) => one.id === id);
  const killed = ctx.clock.now();
  await on.run(['kill', '-9', String(task?.pid)]);
  const restarts = (): Promise<number> =>
    container(ctx, name).then(
      (found) => found.restartCount,
      () => restartCount,
    );
  await until(ctx, `container ${MAIN} of pod ${name} is not started again`, restarts, (now) => now > restartCount);
  return killed;
}

/** Proves that a container goes from node to node, or from pod to pod on the only one, and loses no number. */
export async function proveHops(ctx: Context, proof: Proof, nodes: readonly string[]): Promise<void> {
  await proof.show(
    `a counter is restored ${HOPS} times in a row, each time from a checkpoint of the one before, over ${nodes.length} nodes`,
    async () => {
      const at = (hop: number): string => nodes[hop % nodes.length] ?? '';
      const source = pod('hop-0', at(0), [counter(ctx, MAIN)]);
      await start(ctx, source);
      let reached = SOME;
      for (let hop = 1; hop <= HOPS; hop++) {
        const from = `hop-${hop - 1}`;
        reached = (await countsOnPast(ctx, from, reached)).last;
        const made = await checkpoint(ctx, await container(ctx, from));
        const archive = await bringToNode(ctx, made, at(hop));
        await remove(ctx, from);
        await start(ctx, restoredPod(source, `hop-${hop}`, at(hop), { [MAIN]: archive }));
      }
      const { last } = await countsOnPast(ctx, `hop-${HOPS}`, reached + 2);
      await remove(ctx, `hop-${HOPS}`);
      return { seen: `0 … ${last}`, value: undefined };
    },
  );
}

const FILES = ['/disk/log', '/memory/log', '/dev/shm/log'];
/** Keeps files open in all kinds of volumes that end with the pod, and in the root file system, where it also removes something. */
const WRITER = [
  ...FILES.map((file, index) => `exec ${index + 3}>>${file}`),
  'mkdir -p /disk/folder && echo kept >/disk/folder/file && chmod 640 /disk/folder/file',
  'echo changed >/changed && chmod 604 /changed && rm /bin/ls',
  'i=0; while :; do echo $i; for fd in 3 4 5; do echo $i >&$fd; done; i=$((i+1)); sleep 0.1; done',
].join('; ');

/** Serves a page, and holds a connection to itself. */
const SERVER = [
  'mkdir /www && echo served >/www/index.html && httpd -p 8080 -h /www && sleep 1',
  '(sleep 1000 | nc 127.0.0.1 8080 >/dev/null) &',
  'i=0; while :; do echo $i; i=$((i+1)); sleep 0.1; done',
].join('\n');
const CONNECTIONS = 'netstat -tn | grep -c ESTABLISHED || true';

/** Proves what else comes along: volumes that end with the pod, changes of the root file system, several containers, a terminal. */
export async function proveContents(ctx: Context, proof: Proof, from: string, to: string): Promise<void> {
  const volumes = [
    { name: 'disk', emptyDir: {} },
    { name: 'memory', emptyDir: { medium: 'Memory' } },
  ];
  const volumeMounts = volumes.map(({ name }) => ({ name, mountPath: `/${name}` }));
  const move = async (name: string, source: ReturnType<typeof pod>, containers: readonly string[]): Promise<void> => {
    await start(ctx, source);
    const archives: Record<string, string> = {};
    for (const which of containers) {
      await countsOnPast(ctx, source.metadata.name, SOME, which);
      archives[which] = await bringToNode(ctx, await checkpoint(ctx, await container(ctx, source.metadata.name, which)), to);
    }
    await start(ctx, restoredPod(source, name, to, archives));
    for (const which of containers) await countsOnPast(ctx, name, SOME + 10, which);
  };
  await proof.show('open files in an emptyDir, one in memory and /dev/shm come along with their content', async () => {
    await move('writer-2', pod('writer', from, [counter(ctx, MAIN, { command: ['sh', '-c', WRITER], volumeMounts })], { volumes }), [MAIN]);
    for (const file of FILES) expectSame(readCount(await inPod(ctx, 'writer-2', `cat ${file}`)).first, 0, `first number of ${file}`);
    expectSame(await inPod(ctx, 'writer-2', 'stat -c %a /disk/folder/file; cat /disk/folder/file'), '640\nkept', 'file in the emptyDir');
    return { seen: `${FILES.join(', ')}: every number from 0 on`, value: undefined };
  });
  await proof.show('so do changes of the root file system, with modes and deletions', async () => {
    expectSame(
      await inPod(ctx, 'writer-2', 'stat -c %a /changed; cat /changed; test -e /bin/ls || echo gone'),
      '604\nchanged\ngone',
      'root file system',
    );
    await remove(ctx, 'writer', 'writer-2');
    return { seen: 'one changed with its mode, one gone', value: undefined };
  });
  await proof.show('two containers of a pod start from an archive each', async () => {
    const names = ['first', 'second'];
    await move(
      'two-2',
      pod(
        'two',
        from,
        names.map((name) => counter(ctx, name)),
      ),
      names,
    );
    await remove(ctx, 'two', 'two-2');
    return { seen: names.join(', '), value: undefined };
  });
  await proof.show('a server listens on, and a connection to itself lives on', async () => {
    await move('server-2', pod('server', from, [counter(ctx, MAIN, { command: ['sh', '-c', SERVER] })]), [MAIN]);
    expectSame(await inPod(ctx, 'server', CONNECTIONS), '2', 'ends of connections before');
    expectSame(await inPod(ctx, 'server-2', CONNECTIONS), '2', 'ends of connections afterwards');
    const seen = await inPod(ctx, 'server-2', 'wget -qO- http://127.0.0.1:8080/index.html');
    expectSame(seen, 'served', 'page');
    await remove(ctx, 'server', 'server-2');
    return { seen: 'it serves its page', value: undefined };
  });
  await proof.show('a container with a terminal goes on', async () => {
    await move('tty-2', pod('tty', from, [counter(ctx, MAIN, { tty: true, stdin: true })]), [MAIN]);
    await remove(ctx, 'tty', 'tty-2');
    return { seen: 'tty and stdin', value: undefined };
  });
}
