import { archiveOf } from '../../checkpoint/answer.js';
import { checkpoint } from '../../checkpoint/checkpoint.js';
import { removeArchive } from '../../checkpoint/node-archive.js';
import { curl } from '../../lib/cluster/curl.js';
import { kubeContext, kubectl } from '../../lib/cluster/kubectl.js';
import { archiveFolder, untilKubeletAnswers } from '../../lib/cluster/kubelet.js';
import { controlPlane, Node } from '../../lib/cluster/node.js';
import type { RunningContainer } from '../../lib/cluster/pod.js';
import { processPattern } from '../../lib/cluster/swap.js';
import type { Context } from '../../lib/core/context.js';
import { expectSame, messageOf, ToolkitError } from '../../lib/core/errors.js';
import { until } from '../../lib/core/until.js';
import { connect } from '../../lib/kube/client.js';
import { dropBallast, makeBallast, runsOn } from '../../workloads/ballast.js';
import type { Proof } from '../proof.js';
import type { ApiAccess } from './access.js';
import { refusal, route } from './proof.js';

const POD = 'ballast';
/** So that there is a middle of its checkpoint, MiB. */
const MEMORY_MIB = 512;
/** Milliseconds after the request at which something is done to it: a checkpoint of the ballast takes about a second, after the toolkit has looked at the node. */
const MIDDLE_MS = 500;
/** Milliseconds after which a client gives up that asks at once. */
const SOON_MS = 250;

/** What must hold when somebody goes away in the middle, when several ask at once, and when the kubelet is gone. */
export async function proveTrouble(ctx: Context, proof: Proof, api: ApiAccess): Promise<void> {
  const container = await makeBallast(ctx, POD, MEMORY_MIB, await controlPlane(ctx));
  try {
    await proveClientGone(ctx, proof, api, container);
    await proveThreeAtOnce(ctx, proof, api, container);
    await proveKilled(ctx, proof, container, 'the API server', `kill -KILL $(pgrep -o -f '${processPattern('kube-apiserver')}')`);
    await proveKilled(ctx, proof, container, 'the kubelet', 'systemctl kill --signal=KILL kubelet');
    await proveKubeletGone(ctx, proof, api, container);
  } finally {
    await dropBallast(ctx, [POD]);
  }
}

/** Arguments of curl for a checkpoint of the ballast. */
const checkpointOf = (api: ApiAccess, query = ''): string[] => [
  '--request',
  'POST',
  ...api.asAdmin,
  route(api.server, 'default', POD, query),
];

async function proveClientGone(ctx: Context, proof: Proof, api: ApiAccess, container: RunningContainer): Promise<void> {
  await proof.show('a client that goes away in the middle leaves the container running', async () => {
    const before = await archives(ctx, container);
    const gone = await ctx.runner.run('curl', ['--silent', '--max-time', String(SOON_MS / 1000), ...checkpointOf(api)], { accept: true });
    expectSame(gone.exitCode, 28, 'exit code of a curl that gives up');
    const after = await until(
      ctx,
      'the archive is there',
      async () => (await archives(ctx, container)).filter((name) => !before.includes(name)),
      (added) => added.length === 1,
    );
    await runsOn(ctx, container, 0);
    await removeArchive(ctx, { archive: after[0] ?? '', node: container.node });
    return { seen: 'the checkpoint went on without it', value: undefined };
  });
}

async function proveThreeAtOnce(ctx: Context, proof: Proof, api: ApiAccess, container: RunningContainer): Promise<void> {
  await proof.show('three at once: one after the other, each with an archive of its own', async () => {
    const answers = await Promise.all([1, 2, 3].map(() => curl(ctx, checkpointOf(api))));
    const made = answers.map(archiveOf);
    expectSame(new Set(made).size, made.length, 'distinct archives');
    for (const archive of made) await removeArchive(ctx, { archive, node: container.node });
    await runsOn(ctx, container, 0);
    return { seen: answers.map(({ status }) => status).join(', '), value: undefined };
  });
}

/** @param command for sh on the node */
async function proveKilled(ctx: Context, proof: Proof, container: RunningContainer, what: string, command: string): Promise<void> {
  await proof.show(`killed in the middle: ${what}; the toolkit’s own command leaves the container running`, async () => {
    const kube = await connect(ctx.env, { context: kubeContext(ctx.options.clusterName) });
    const asked = checkpoint(ctx, container, { route: { kind: 'api', kube } }).then(
      async (made) => {
        await removeArchive(ctx, made);
        throw new ToolkitError('the checkpoint was over before anything was killed');
      },
      (error: unknown) => messageOf(error),
    );
    await ctx.clock.sleep(MIDDLE_MS, ctx.signal);
    await new Node(ctx.runner, container.node).run(['sh', '-c', command]);
    const seen = await asked;
    await untilApiAnswers(ctx);
    await untilKubeletAnswers(ctx, container.node);
    await runsOn(ctx, container, 0);
    return { seen, value: undefined };
  });
}

async function untilApiAnswers(ctx: Context): Promise<void> {
  await until(
    ctx,
    'the API server is ready',
    () => kubectl(ctx, ['get', '--raw', '/readyz'], { accept: true, timeoutMs: 5000 }),
    ({ exitCode }) => exitCode === 0,
  );
}

async function proveKubeletGone(ctx: Context, proof: Proof, api: ApiAccess, { node }: RunningContainer): Promise<void> {
  await proof.show('a kubelet that does not run: refused at once, not a hang', async () => {
    await new Node(ctx.runner, node).run(['systemctl', 'stop', 'kubelet']);
    try {
      const answer = await curl(ctx, checkpointOf(api, '?timeout=5'), 30);
      if (![502, 503, 504].includes(answer.status)) throw new ToolkitError(`the answer is ${answer.status}`, { details: [answer.body] });
      return { seen: `${answer.status}: ${refusal(answer, answer.status).slice(0, 100)}`, value: undefined };
    } finally {
      await new Node(ctx.cleanupRunner, node).run(['systemctl', 'start', 'kubelet']);
    }
  });
}

function archives(ctx: Context, { node }: RunningContainer): Promise<string[]> {
  return new Node(ctx.runner, node).find(archiveFolder, `checkpoint-${POD}_*.tar`);
}
