import { kubeContext, kubectl } from '../../lib/cluster/kubectl.js';
import { archiveFolder } from '../../lib/cluster/kubelet.js';
import { Node } from '../../lib/cluster/node.js';
import { sharedArchiveFolder } from '../../lib/cluster/shared-folder.js';
import type { Context } from '../../lib/core/context.js';
import { messageOf, ToolkitError } from '../../lib/core/errors.js';
import { until } from '../../lib/core/until.js';
import { connect } from '../../lib/kube/client.js';
import { reachNode } from '../../lib/kube/reach.js';
import type { Proof } from '../proof.js';
import { countsOnPast } from './counts.js';
import { expectNothingLeft, move } from './moves.js';
import { counter, NAMESPACE, pod, start } from './pods.js';
import { type Ends, kill, killCommandAt, moveStruck, recover, STAGES, type Stage, strikeAt, theOneThatRuns } from './strikes.js';

const MAIN = 'main';
const LABELS = { app: 'struck' };
/** Numbers that it must have got past before the next strike. */
const SOME = 10;
/** With some 80 MB in memory, so that there is a middle of a dump and of a restore. */
const COMMAND = 'x=$(head -c 60000000 /dev/urandom | base64); i=0; while true; do echo $i; i=$((i + 1)); sleep 0.1; done';

/** A pod that is struck again and again, wherever it is by then. */
class Struck {
  private name = 'struck';
  private last = SOME;

  constructor(
    private readonly ctx: Context,
    private readonly nodes: readonly [string, string],
  ) {}

  /** Starts it. */
  async begin(): Promise<void> {
    const manifest = pod(this.name, this.nodes[0], [counter(this.ctx, MAIN, { command: ['sh', '-c', COMMAND] })]);
    await start(this.ctx, { ...manifest, metadata: { ...manifest.metadata, labels: LABELS } } as typeof manifest);
    this.last = (await countsOnPast(this.ctx, this.name, this.last)).last;
  }

  /**
   * Does something to a migration of it to the other node, brings that to an end, and proves that exactly one of the two runs, with its
   * count unbroken.
   */
  async strike(act: (name: string, ends: Ends) => Promise<string>): Promise<{ seen: string; value: undefined }> {
    const where = await kubectl(this.ctx, ['--namespace', NAMESPACE, 'get', 'pod', this.name, '--output', 'jsonpath={.spec.nodeName}']);
    const from = where.stdout;
    const to = this.nodes.find((node) => node !== from) ?? '';
    const said = await act(this.name, { from, to });
    await recover(this.ctx, this.name);
    const before = this.name;
    this.name = await theOneThatRuns(this.ctx, this.nodes, `app=${LABELS.app}`);
    const { last } = await countsOnPast(this.ctx, this.name, this.last + SOME);
    this.last = last;
    await expectNothingLeft(this.ctx, this.nodes);
    return {
      seen: `${said}; ${this.name === before ? 'it runs on where it was' : 'it runs on the other node'}, 0 … ${last}`,
      value: undefined,
    };
  }
}

/** Proves that whoever is killed in whatever stage of a migration, exactly one of the two pods runs afterwards, with its count unbroken. */
export async function proveStruckMigrations(ctx: Context, proof: Proof, from: string, to: string): Promise<void> {
  const struck = new Struck(ctx, [from, to]);
  await proof.show('a counter with much memory is there to be moved', async () => {
    await struck.begin();
    return { seen: `on ${from}`, value: undefined };
  });
  for (const stage of [STAGES.prepared, STAGES.dumping, STAGES.taken, STAGES.restored])
    await proof.show(`the command is killed ${stage.what}`, () =>
      struck.strike(async (name, ends) => {
        await killCommandAt(ctx, name, ends, stage);
        return 'the next one finishes it or takes it back';
      }),
    );
  const strikes: ReadonlyArray<readonly [who: string, stage: Stage, command: string]> = [
    ['CRIU', STAGES.dumping, 'pkill -KILL -x criu'],
    ['CRIU', STAGES.restoring, 'pkill -KILL -x criu'],
    ['the source’s kubelet', STAGES.dumping, kill('kubelet')],
    ['the target’s kubelet', STAGES.prepared, kill('kubelet')],
    ['the target’s kubelet', STAGES.restoring, kill('kubelet')],
    ['the source’s containerd', STAGES.dumping, kill('containerd')],
    ['the target’s containerd', STAGES.prepared, kill('containerd')],
    ['the target’s containerd', STAGES.restoring, kill('containerd')],
  ];
  for (const [who, stage, command] of strikes)
    await proof.show(`${who} is killed ${stage.what}`, () =>
      struck.strike((name, ends) => moveStruck(ctx, name, ends, () => strikeAt(ctx, ends, stage, command))),
    );
  await proveFullDisks(ctx, proof, struck);
  await proveStoppedTargets(ctx, proof, struck);
}

async function proveStoppedTargets(ctx: Context, proof: Proof, struck: Struck): Promise<void> {
  for (const stage of [STAGES.prepared, STAGES.taken])
    await proof.show(`the target’s node is stopped ${stage.what}`, () =>
      struck.strike((name, ends) =>
        whileStopped(ctx, ends.to, async (stop) => {
          const said = await moveStruck(ctx, name, ends, async () => {
            await strikeAt(ctx, ends, stage, 'true');
            await stop();
          });
          await recover(ctx, name);
          return said;
        }),
      ),
    );
  // The command must not come to remove the source meanwhile: from then on the target is a pod like any other.
  await proof.show('the command is killed once it is restored, and the target’s node stopped', () =>
    struck.strike((name, ends) =>
      whileStopped(ctx, ends.to, async (stop) => {
        await killCommandAt(ctx, name, ends, STAGES.restored);
        await stop();
        await recover(ctx, name);
        return 'the next one takes it back';
      }),
    ),
  );
}

/** Does something in which a node is stopped, and starts it again. */
async function whileStopped<T>(ctx: Context, node: string, act: (stop: () => Promise<void>) => Promise<T>): Promise<T> {
  try {
    return await act(async () => {
      await ctx.runner.run('docker', ['kill', node]);
    });
  } finally {
    await ctx.cleanupRunner.run('docker', ['start', node]);
    // It has got another machine ID, by which it is told whether it is this machine's; and until its kubelet has said so it looks Ready as before.
    const kube = await connect(ctx.env, { context: kubeContext(ctx.options.clusterName) });
    await until(
      ctx,
      `node ${node} is back`,
      () => reachNode({ runner: ctx.cleanupRunner, signal: ctx.signal }, kube, node),
      ({ kind }) => kind !== undefined,
      { patienceMs: 180_000, everyMs: 1000 },
    );
    await kubectl(ctx, ['wait', '--for=condition=Ready', `node/${node}`, '--timeout=120s']);
  }
}

/** Without a folder of both nodes the archive is carried, and each node has a disk that can be full. */
async function proveFullDisks(ctx: Context, proof: Proof, struck: Struck): Promise<void> {
  await proof.show('without a folder that both nodes see, the archive is carried', () =>
    struck.strike((name, ends) =>
      apart(ctx, ends.to, async () => {
        await move(ctx, [name], ends.to);
        return 'carried';
      }),
    ),
  );
  for (const which of ['from', 'to'] as const) {
    await proof.show(`the disk of the ${which === 'from' ? 'source' : 'target'} is full`, () =>
      struck.strike((name, ends) =>
        apart(ctx, ends.to, () =>
          withoutRoom(ctx, ends[which], async () => {
            const said = await move(ctx, [name], ends.to).then(
              () => {
                throw new ToolkitError('it moved although there is no room');
              },
              (error: unknown) => `${messageOf(error)}: ${error instanceof ToolkitError ? error.details.join(' ') : ''}`,
            );
            const [reason] = /no space left on device|has no room for the archive/i.exec(said) ?? [];
            if (reason === undefined) throw new ToolkitError('the reason is not given', { details: [said] });
            return reason;
          }),
        ),
      ),
    );
  }
}

/** Does something while a node sees another folder than the others. */
async function apart<T>(ctx: Context, node: string, act: () => Promise<T>): Promise<T> {
  return mounted(ctx, node, sharedArchiveFolder, '1m', act);
}

/** Does something while the checkpoint folder of a node has hardly any room. */
function withoutRoom<T>(ctx: Context, node: string, act: () => Promise<T>): Promise<T> {
  return mounted(ctx, node, archiveFolder, '8m', act);
}

async function mounted<T>(ctx: Context, name: string, folder: string, size: string, act: () => Promise<T>): Promise<T> {
  await new Node(ctx.runner, name).run(['mount', '-t', 'tmpfs', '-o', `size=${size},mode=0700`, 'tmpfs', folder]);
  try {
    return await act();
  } finally {
    await new Node(ctx.cleanupRunner, name).run(['umount', folder]);
  }
}
