import { text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { type CheckpointRequest, checkpoint } from '../../../scripts/checkpoint/checkpoint.js';
import type { Route } from '../../../scripts/checkpoint/request.js';
import type { HttpAnswer } from '../../../scripts/lib/cluster/kubelet.js';
import { InterruptedError } from '../../../scripts/lib/core/errors.js';
import type { Kube } from '../../../scripts/lib/kube/client.js';
import { container } from '../../support/container.js';
import { type TestContext, testContext } from '../../support/context.js';
import { type FakeRunner, fakeRunner } from '../../support/fake-runner.js';

const { id: ID } = container;
const ARCHIVE = '/var/lib/kubelet/checkpoints/checkpoint-counter_default-main-2026-01-02T12:00:00Z.tar';
const OK: HttpAnswer = { status: 200, body: JSON.stringify({ items: [ARCHIVE] }) };

/** What a node holds, and what is done to it. */
interface FakeNode {
  paused: boolean;
  archives: string[];
  /** Archives that are cut off. */
  partial: string[];
  images: string[];
  criuLog: string;
}

/** A node that works as containerd's does, as far as it is looked at. */
function fakeNode(state: Partial<FakeNode> = {}): { node: FakeNode; runner: FakeRunner } {
  const node: FakeNode = { paused: false, archives: [], partial: [], images: [], criuLog: '', ...state };
  const runner = fakeRunner(async ({ args, line, options }) => {
    const rest = args.slice(args.indexOf('node-1') + 1);
    // A look that stands by takes place when it is told to.
    if (options.inputStream !== undefined && (await text(options.inputStream)) === '') return '';
    const tasks = (): string => `TASK PID STATUS\n${ID} 17 ${node.paused ? 'PAUSED' : 'RUNNING'}`;
    if (rest[0] === 'sh' && line.includes('images ls'))
      return [...node.images, `tasks:\n${tasks()}`, 'archives:', ...node.archives].join('\n');
    if (line.includes('images rm')) {
      node.images = node.images.filter((image) => !rest.includes(image));
      return '';
    }
    if (line.includes('tasks ls')) return tasks();
    if (line.includes('tasks resume')) {
      node.paused = false;
      return '';
    }
    if (rest[0] === 'sh') return node.partial.includes(rest.at(-1) ?? '') ? 1 : 0;
    if (rest[0] === 'grep') return node.criuLog;
    if (rest[0] === 'rm') {
      node.archives = node.archives.filter((archive) => !rest.includes(archive));
      return '';
    }
    return undefined;
  });
  return { node, runner };
}

/** An API server that gives answers one after the other, and the routes that it was asked for. */
function server(...answers: Array<HttpAnswer | Error | (() => HttpAnswer | Promise<HttpAnswer>)>): Pick<Kube, 'ask'> & { asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    async ask(method, route, { query = {}, timeoutMs: timeout }) {
      asked.push(`${method} ${route}?${new URLSearchParams(query)} ${timeout / 1000}`);
      const answer = answers.shift();
      if (answer === undefined) throw new TypeError('asked once too often');
      if (answer instanceof Error) throw answer;
      return typeof answer === 'function' ? answer() : answer;
    },
  };
}

async function failure(ctx: TestContext, request: CheckpointRequest): Promise<Error & { details?: readonly string[]; hint?: string }> {
  return checkpoint(ctx, container, request).then(
    () => {
      throw new TypeError('it succeeded');
    },
    (error: Error) => error,
  );
}

const outOfReach = async () => ({ outOfReach: 'it is no kind node' });
const nodeProxy = (kube: Pick<Kube, 'ask'>): Route => ({ kind: 'node-proxy', kube });

describe('the way to a checkpoint', () => {
  test('is the node proxy', async () => {
    const kube = server(OK);
    const { runner } = fakeNode();
    expect(await checkpoint(testContext({ runner }), container, { route: nodeProxy(kube), timeoutSeconds: 60 })).toEqual({
      archive: ARCHIVE,
      node: 'node-1',
      seconds: 0,
    });
    // The kubelet takes two minutes at least: the client waits for longer than that.
    expect(kube.asked).toEqual(['POST /api/v1/nodes/node-1/proxy/checkpoint/default/counter/main?timeout=60 180']);
  });

  test('is the subresource', async () => {
    const kube = server(OK);
    const { runner } = fakeNode();
    await checkpoint(testContext({ runner }), container, { route: { kind: 'api', kube } });
    expect(kube.asked).toEqual(['POST /api/v1/namespaces/default/pods/counter/checkpoint?container=main&timeout=600 660']);
  });

  test('is the kubelet of the toolkit’s cluster, from its control plane, when none is named', async () => {
    const { runner: node } = fakeNode();
    const runner = fakeRunner(async (call) => {
      if (call.args[0] === 'ps') return 'cp 1 running control-plane\nnode-1 2 running worker';
      if (call.line.includes('curl')) return `${OK.body}\n200`;
      return node.run(call.file, call.args, call.options);
    });
    await checkpoint(testContext({ runner }), container, { timeoutSeconds: null });
    expect(runner.lines.find((line) => line.includes('curl'))).toMatch(
      /^docker exec cp curl .* https:\/\/node-1:10250\/checkpoint\/default\/counter\/main$/,
    );
  });
});

describe('checkpoints of one container', () => {
  test('are more than a second apart', async () => {
    const times: number[] = [];
    const { runner } = fakeNode();
    const ctx = testContext({ runner });
    const noted = (): HttpAnswer => {
      times.push(ctx.clock.now());
      return OK;
    };
    const kube = server(noted, noted, noted);
    for (let round = 0; round < 3; round++) await checkpoint(ctx, container, { route: nodeProxy(kube) });
    expect(times.map((time) => time - (times[0] ?? 0))).toEqual([0, 1100, 2200]);
  });

  test('are not, where the runtime tells them apart', async () => {
    const { runner } = fakeNode();
    const ctx = testContext({ runner });
    const began = ctx.clock.now();
    const kube = server(OK, OK);
    for (let round = 0; round < 2; round++) await checkpoint(ctx, container, { route: nodeProxy(kube), apartByASecond: false });
    expect(ctx.clock.now()).toBe(began);
    expect(kube.asked).toHaveLength(2);
  });

  test('come one after the other', async () => {
    const { runner } = fakeNode();
    let open = 0;
    const alone = async (): Promise<HttpAnswer> => {
      expect(++open).toBe(1);
      await new Promise((resolve) => setTimeout(resolve, 20));
      open--;
      return OK;
    };
    const ctx = testContext({ runner });
    const kube = server(alone, alone, alone);
    await Promise.all([1, 2, 3].map(() => checkpoint(ctx, container, { route: nodeProxy(kube) })));
    expect(kube.asked).toHaveLength(3);
  });
});

describe('after a success', () => {
  test('what containerd forgot is taken out, and nothing else', async () => {
    const { node, runner } = fakeNode({ images: ['containerd.io/checkpoint/old'] });
    const kube = server(() => {
      node.images.push('containerd.io/checkpoint/new');
      return OK;
    });
    await checkpoint(testContext({ runner }), container, { route: nodeProxy(kube) });
    expect(node.images).toEqual(['containerd.io/checkpoint/old']);
  });

  test('a container that is paused runs again', async () => {
    const { node, runner } = fakeNode({ paused: true });
    const ctx = testContext({ runner });
    await checkpoint(ctx, container, { route: nodeProxy(server(OK)) });
    expect(node.paused).toBe(false);
    expect(ctx.said).toEqual(['container main of pod counter had been left paused: it runs again']);
  });
});

describe('after a failure', () => {
  test('the container runs again and the partial archive is gone, but not a whole one: it is someone else’s', async () => {
    const { node, runner } = fakeNode({ archives: ['/old.tar'] });
    const kube = server(() => {
      node.paused = true;
      node.archives.push('/partial.tar', '/whole.tar');
      node.partial.push('/partial.tar');
      return { status: 500, body: 'context deadline exceeded' };
    });
    const ctx = testContext({ runner });
    const error = await failure(ctx, { route: nodeProxy(kube) });
    expect(error.message).toBe('container main of pod counter could not be checkpointed');
    expect(error.details).toEqual(['the kubelet, through the node proxy, answered 500: context deadline exceeded']);
    expect(node).toMatchObject({ paused: false, archives: ['/old.tar', '/whole.tar'] });
  });

  test.each([
    [
      'the answer tells where CRIU’s log is',
      "CRIU hung\nCRIU's log is kept in /var/lib/c/a.log, and ends:\n(00.02) Sent msg",
      /^The usual reasons/,
    ],
    ['the answer tells nothing of it', 'context deadline exceeded', /criu-dump\.log on the node/],
  ])('what to do next is fitting when %s', async (_, body, hint) => {
    const { runner } = fakeNode({ criuLog: '' });
    const error = await failure(testContext({ runner }), { route: nodeProxy(server({ status: 500, body })) });
    expect(error.hint).toMatch(hint);
  });

  test('CRIU’s own reason is told', async () => {
    const { runner } = fakeNode({ criuLog: '(00.01) Error (criu/a.c:1): no\n(00.02) Error (criu/b.c:2): Dumping FAILED.\n' });
    const body = 'criu failed: type DUMP errno 0 path= /run/containerd/x/criu-dump.log)';
    const error = await failure(testContext({ runner }), { route: nodeProxy(server({ status: 500, body })) });
    expect(error.details?.slice(1)).toEqual(['CRIU: (00.01) Error (criu/a.c:1): no', 'CRIU: (00.02) Error (criu/b.c:2): Dumping FAILED.']);
    expect(runner.lines).toContain('docker exec node-1 grep --text Error /run/containerd/x/criu-dump.log');
  });

  test('a lost connection is cleaned up after, too', async () => {
    const { node, runner } = fakeNode({ paused: true });
    const error = await failure(testContext({ runner }), { route: nodeProxy(server(new Error('socket hang up'))) });
    expect(error.message).toBe('socket hang up');
    expect(node.paused).toBe(false);
  });

  test('a container that may be someone else’s just now is given time before it counts as left paused', async () => {
    const { node, runner } = fakeNode({ paused: true });
    const ctx = testContext({ runner });
    const start = ctx.clock.now();
    await failure(ctx, { route: nodeProxy(server({ status: 500, body: 'cannot pause a paused container' })) });
    expect(node.paused).toBe(false);
    expect(ctx.clock.now() - start).toBeGreaterThanOrEqual(10_000);

    node.paused = true;
    ctx.clock.whileAsleep = () => {
      node.paused = false;
    };
    await failure(ctx, { route: nodeProxy(server({ status: 409, body: 'another checkpoint …: cannot pause a paused container' })) });
    expect(runner.lines.filter((line) => line.includes('resume'))).toHaveLength(1);
  });

  test('a container that is being checkpointed already is left alone', async () => {
    const { node, runner } = fakeNode({ paused: true });
    const body = 'failed (rpc error: code = FailedPrecondition desc = a checkpoint of container "abc" is already in progress)';
    const error = await failure(testContext({ runner }), { route: nodeProxy(server({ status: 500, body })) });
    expect(error.message).toContain('is being checkpointed already');
    expect(node.paused).toBe(true);
  });

  test('a container that was handed over stays paused', async () => {
    const { node, runner } = fakeNode({ paused: true });
    const body = 'failed (… container "abc" is paused, and was handed over as /var/lib/kubelet/checkpoints/shared/a)';
    const error = await failure(testContext({ runner }), { route: nodeProxy(server({ status: 500, body })) });
    expect(error.message).toContain('is being migrated');
    expect(node.paused).toBe(true);
  });

  test.each([
    {
      status: 409,
      body: '{"kind":"Status","message":"another checkpoint of container main is in progress"}',
      message: 'container main of pod default/counter is being checkpointed already',
      hint: 'Try again when that has ended.',
    },
    {
      status: 409,
      body: '{"kind":"Status","message":"container main is not running"}',
      message: 'container main of pod counter could not be checkpointed',
      hint: undefined,
    },
    {
      status: 403,
      body: '{"kind":"Status","message":"forbidden"}',
      message: 'container main of pod counter could not be checkpointed',
      hint: 'What each way needs is in manifests/kubectl-checkpoint-rbac.yaml.',
    },
    {
      status: 404,
      body: '404 page not found',
      message: 'container main of pod counter could not be checkpointed',
      hint: 'This kubelet does not checkpoint: the feature gate ContainerCheckpoint is on by default from Kubernetes 1.30 on.',
    },
  ])('a refusal ($status) is told, and the node is left alone: nothing was begun', async ({ status, body, message, hint }) => {
    const { node, runner } = fakeNode({ paused: true });
    const kube = server(() => {
      node.archives.push('/partial.tar');
      node.partial.push('/partial.tar');
      return { status, body };
    });
    const error = await failure(testContext({ runner }), { route: nodeProxy(kube) });
    expect(error).toMatchObject({ message });
    expect(error.hint).toBe(hint);
    expect(node).toMatchObject({ paused: true, archives: ['/partial.tar'] });
  });

  test('an answer that names no archive is none', async () => {
    const { runner } = fakeNode();
    const error = await failure(testContext({ runner }), { route: nodeProxy(server({ status: 200, body: '{"items":[]}' })) });
    expect(error.message).toBe('the answer to the checkpoint names no archive');
  });
});

describe('where the node is out of reach', () => {
  test('nothing is looked at, and a success says nothing of it', async () => {
    const ctx = testContext();
    await checkpoint(ctx, container, { route: nodeProxy(server(OK)), lookAt: outOfReach });
    expect(ctx.said).toEqual([]);
  });

  test('a failure says what could not be looked at, and how to help', async () => {
    const ctx = testContext();
    await failure(ctx, { route: nodeProxy(server({ status: 500, body: 'no' })), lookAt: outOfReach });
    expect(ctx.said).toEqual([
      `node node-1 cannot be looked into (it is no kind node). If the container stands still: ctr -n k8s.io tasks resume ${ID}`,
    ]);
  });
});

describe('a run that is stopped', () => {
  const stopDuring = (ctx: TestContext) => () => {
    ctx.abort.abort(new InterruptedError('SIGINT', 130));
    return OK;
  };

  test('waits for the answer, because the container would stay frozen, and drops the archive', async () => {
    const { node, runner } = fakeNode();
    const ctx = testContext({ runner });
    node.archives.push(ARCHIVE);
    const error = await failure(ctx, { route: nodeProxy(server(stopDuring(ctx))) });
    expect(error).toBeInstanceOf(InterruptedError);
    expect(ctx.said).toEqual(['a checkpoint that is cut off leaves its container frozen: waiting for its end']);
    expect(node.archives).toEqual([]);
  });

  test('names the archive where it cannot be dropped', async () => {
    const ctx = testContext();
    await failure(ctx, { route: nodeProxy(server(stopDuring(ctx))), lookAt: outOfReach });
    expect(ctx.said.at(-1)).toBe(`the archive stays on node node-1: ${ARCHIVE}`);
  });
});
