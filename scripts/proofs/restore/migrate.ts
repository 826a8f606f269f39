import { kubectl } from '../../lib/cluster/kubectl.js';
import type { Context } from '../../lib/core/context.js';
import { expectSame, ToolkitError } from '../../lib/core/errors.js';
import { imageNames } from '../../lib/core/options.js';
import { until } from '../../lib/core/until.js';
import type { Proof } from '../proof.js';
import { countsOnPast } from './counts.js';
import { expectNothingLeft, move, moveOne, podsBy, refusedMove } from './moves.js';
import { counter, NAMESPACE, pod, remove, start } from './pods.js';

const MAIN = 'main';
const SOME = 20;
/** How many pods move in one go. */
const MANY = 10;
/** Keys that a server must not lose. */
const KEYS = 1000;

const inProof = (ctx: Context, args: readonly string[], input?: object): ReturnType<typeof kubectl> =>
  kubectl(ctx, ['--namespace', NAMESPACE, ...args], input === undefined ? {} : { input: JSON.stringify(input) });

/** Proves that running pods move from one node to another. */
export async function proveMigration(ctx: Context, proof: Proof, from: string, to: string): Promise<void> {
  const nodes = [from, to];
  await proof.show('a counter moves to another node, and back, and loses no number', async () => {
    await start(ctx, pod('moving', from, [counter(ctx, MAIN)]));
    const { last } = await countsOnPast(ctx, 'moving', SOME);
    const there = await moveOne(ctx, 'moving', to);
    const { last: then } = await countsOnPast(ctx, there.pod, last + SOME);
    const back = await moveOne(ctx, there.pod, from, { name: 'moved' });
    const { last: now } = await countsOnPast(ctx, 'moved', then + SOME);
    const left = (await inProof(ctx, ['get', 'pods', '--output', 'name'])).stdout;
    expectSame(left, 'pod/moved', 'pods that are left');
    await expectNothingLeft(ctx, nodes);
    await remove(ctx, 'moved');
    return { seen: `0 … ${now}; it ${there.stood}, then ${back.stood.replace('stood still for ', '')}`, value: undefined };
  });
  await proof.show('a pod with two containers moves as a whole', async () => {
    const names = ['first', 'second'];
    const containers = names.map((name) => counter(ctx, name));
    await start(ctx, pod('pair', from, containers));
    for (const name of names) await countsOnPast(ctx, 'pair', SOME, name);
    const { pod: moved, stood } = await moveOne(ctx, 'pair', to);
    for (const name of names) await countsOnPast(ctx, moved, SOME * 2, name);
    await remove(ctx, moved);
    return { seen: stood, value: undefined };
  });
  await proveDeployment(ctx, proof, from, to);
  await proveRefusedOwners(ctx, proof, to);
  await proof.show('a pod that the other node turns away runs on', async () => {
    const chosen = { nodeSelector: { 'kubernetes.io/hostname': from } };
    await start(ctx, pod('bound', from, [counter(ctx, MAIN)], chosen));
    const { last } = await countsOnPast(ctx, 'bound', SOME);
    const said = await refusedMove(ctx, 'bound', to, /does not get ready on node (?:.|\n)*NodeAffinity/);
    await countsOnPast(ctx, 'bound', last + SOME);
    await expectNothingLeft(ctx, nodes);
    await remove(ctx, 'bound');
    return { seen: said.replaceAll('\n', ': '), value: undefined };
  });
  await proveServer(ctx, proof, from, to);
  await proof.show(`${MANY} pods move in one go`, async () => {
    const names = Array.from({ length: MANY }, (_, index) => `many-${index}`);
    for (const name of names) await start(ctx, pod(name, from, [counter(ctx, MAIN)]));
    const began = ctx.clock.now();
    const moved = await move(ctx, names, to);
    const seconds = ((ctx.clock.now() - began) / 1000).toFixed(1);
    expectSame(moved.length, MANY, 'pods that moved');
    const still = moved.map(({ timeline }) => Math.round(timeline.downtimeMs ?? Number.NaN)).sort((a, b) => a - b);
    for (const { journal } of moved) await countsOnPast(ctx, journal.target.pod, SOME * 2);
    await expectNothingLeft(ctx, nodes);
    await remove(ctx, ...moved.map(({ journal }) => journal.target.pod));
    return { seen: `in ${seconds} s; stood still for ${still[0]} to ${still.at(-1)} ms`, value: undefined };
  });
}

/** A workload of a controller, whose pods count. */
function workload(ctx: Context, kind: string, node: string, spec: object = {}): object {
  const labels = { app: kind.toLowerCase() };
  const template = { metadata: { labels }, spec: { ...pod('x', node, [counter(ctx, MAIN)]).spec, nodeName: undefined, ...spec } };
  const [apiVersion, more] =
    kind === 'Job'
      ? ['batch/v1', {}]
      : ['apps/v1', { selector: { matchLabels: labels }, ...(kind === 'DaemonSet' ? {} : { replicas: 1 }) }];
  return { apiVersion, kind, metadata: { name: labels.app }, spec: { ...more, template } };
}

/** Applies it, and returns its pod once that runs. */
async function startWorkload(ctx: Context, manifest: object, app: string): Promise<{ name: string; node: string }> {
  await inProof(ctx, ['apply', '--filename', '-'], manifest);
  const [made] = await until(
    ctx,
    `${app} has a pod`,
    () => podsBy(ctx, `app=${app}`),
    (found) => found.length > 0,
  );
  if (made === undefined) throw new ToolkitError(`${app} has no pod`);
  await inProof(ctx, ['wait', '--for=condition=Ready', `pod/${made.name}`, '--timeout=60s']);
  const [ready = made] = await podsBy(ctx, `app=${app}`);
  await countsOnPast(ctx, ready.name, SOME);
  return ready;
}

async function proveDeployment(ctx: Context, proof: Proof, from: string, to: string): Promise<void> {
  await proof.show('a pod of a Deployment moves: the ReplicaSet adopts it, and makes no other', async () => {
    const app = 'deployment';
    const made = await startWorkload(ctx, workload(ctx, 'Deployment', from), app);
    const { pod: moved, stood } = await moveOne(ctx, made.name, made.node === to ? from : to);
    const { last } = await countsOnPast(ctx, moved, SOME * 2);
    const now = await podsBy(ctx, `app=${app}`);
    expectSame(now.map(({ name }) => name).join(), moved, 'pods of the Deployment');
    const owner = await inProof(ctx, ['get', 'pod', moved, '--output', 'jsonpath={.metadata.ownerReferences[0].kind}']);
    expectSame(owner.stdout, 'ReplicaSet', 'owner of the pod');
    const events = ['get', 'events', '--field-selector', 'reason=SuccessfulCreate,involvedObject.kind=ReplicaSet', '--output', 'name'];
    expectSame((await inProof(ctx, events)).stdout.split('\n').filter(Boolean).length, 1, 'pods that the ReplicaSet has made');
    await inProof(ctx, ['delete', 'deployment', app, '--wait']);
    return { seen: `0 … ${last}; ${stood}`, value: undefined };
  });
}

async function proveRefusedOwners(ctx: Context, proof: Proof, to: string): Promise<void> {
  for (const kind of ['StatefulSet', 'DaemonSet', 'Job']) {
    await proof.show(`a pod of a ${kind} does not move, and the reason is told`, async () => {
      const app = kind.toLowerCase();
      const made = await startWorkload(ctx, workload(ctx, kind, to, kind === 'Job' ? { restartPolicy: 'Never' } : {}), app);
      const said = await refusedMove(ctx, made.name, to, new RegExp(`it belongs to ${kind}[^\\n]*`));
      await countsOnPast(ctx, made.name, SOME * 2);
      await inProof(ctx, ['delete', app, app, '--wait']);
      return { seen: said, value: undefined };
    });
  }
}

/** A server that keeps what it is told in an emptyDir. */
async function proveServer(ctx: Context, proof: Proof, from: string, to: string): Promise<void> {
  await proof.show('Redis answers with its data after it has moved, and writes on', async () => {
    const volumeMounts = [{ name: 'data', mountPath: '/data' }];
    const server = { name: MAIN, image: imageNames(ctx.options).server, imagePullPolicy: 'Never', volumeMounts };
    await start(ctx, pod('redis', from, [server], { volumes: [{ name: 'data', emptyDir: {} }] }));
    const ask = async (name: string, ...words: readonly string[]): Promise<string> =>
      (await inProof(ctx, ['exec', name, '--', '/usr/bin/redis-cli', ...words])).stdout;
    await until(
      ctx,
      'Redis answers',
      () => ask('redis', 'ping').catch(() => ''),
      (said) => said === 'PONG',
    );
    await ask('redis', 'eval', `for i=1,${KEYS} do redis.call("set", "key:"..i, "value:"..i) end`, '0');
    const { pod: moved, stood } = await moveOne(ctx, 'redis', to);
    expectSame(await ask(moved, 'dbsize'), String(KEYS), 'keys');
    expectSame(await ask(moved, 'get', `key:${KEYS}`), `value:${KEYS}`, 'last value');
    await ask(moved, 'set', 'after', 'it moved');
    expectSame(await ask(moved, 'get', 'after'), 'it moved', 'value that was set afterwards');
    // It writes into its volume all the same.
    const written = await ask(moved, 'info', 'persistence');
    if (!written.includes('aof_last_write_status:ok'))
      throw new ToolkitError('Redis cannot write its file', { details: written.split('\n') });
    await remove(ctx, moved);
    return { seen: `${KEYS} keys, and one more; ${stood}`, value: undefined };
  });
}
