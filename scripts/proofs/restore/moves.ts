import type { Moved } from '../../checkpoint/migrate/course.js';
import { migratePods, notAllMoved, type PodsMigration } from '../../checkpoint/migrate/pods.js';
import { kubeContext, kubectl } from '../../lib/cluster/kubectl.js';
import { archiveFolder } from '../../lib/cluster/kubelet.js';
import { Node } from '../../lib/cluster/node.js';
import type { Context } from '../../lib/core/context.js';
import { ToolkitError } from '../../lib/core/errors.js';
import { until } from '../../lib/core/until.js';
import { connect } from '../../lib/kube/client.js';
import { NAMESPACE } from './pods.js';

/** What the runtimes may take for a pod, seconds. */
const TIMEOUT_SECONDS = 120;

/** Moves pods of the proof's namespace. @param more what else is asked for @throws as the command does */
export async function move(
  ctx: Context,
  pods: readonly string[],
  to: string | undefined,
  more: Partial<PodsMigration> = {},
): Promise<readonly Moved[]> {
  const kube = await connect(ctx.env, { context: kubeContext(ctx.options.clusterName) });
  const asked = { pods, to, namespace: NAMESPACE, name: undefined, timeoutSeconds: TIMEOUT_SECONDS, force: false, takeOver: false };
  const access = { way: 'docker', namespace: NAMESPACE, image: '' } as const;
  const silent = Object.assign(() => undefined, { end: () => undefined });
  const route = { kind: 'api', kube } as const;
  const { done, failed } = await migratePods(ctx, kube, route, access, { ...asked, by: `proof/${process.pid}`, ...more }, () => silent);
  if (failed.length > 0) throw notAllMoved(failed);
  return done.filter((outcome) => outcome.outcome === 'moved');
}

/** Moves one pod. @returns its name there, and how long it stood still */
export async function moveOne(
  ctx: Context,
  pod: string,
  to: string,
  more: Partial<PodsMigration> = {},
): Promise<{ pod: string; stood: string }> {
  const [moved] = await move(ctx, [pod], to, more);
  if (moved === undefined) throw new ToolkitError(`pod ${pod} has not moved`);
  return { pod: moved.journal.target.pod, stood: `stood still for ${Math.round(moved.timeline.downtimeMs ?? Number.NaN)} ms` };
}

/** Expects that pods do not move, and says why. */
export async function refusedMove(ctx: Context, pod: string, to: string, says: RegExp): Promise<string> {
  let moved = false;
  try {
    await moveOne(ctx, pod, to);
    moved = true;
  } catch (error) {
    if (!(error instanceof ToolkitError)) throw error;
    const text = [error.message, ...error.details].join('\n');
    const [said] = says.exec(text) ?? [];
    if (said !== undefined) return said;
    throw new ToolkitError('it was refused for another reason', { details: text.split('\n') });
  }
  throw new ToolkitError(`pod ${pod} has moved`, { details: [String(moved)] });
}

/** Names of the pods that labels select, and where they are. */
export async function podsBy(ctx: Context, selector: string): Promise<Array<{ name: string; node: string }>> {
  const path = 'jsonpath={range .items[*]}{.metadata.name} {.spec.nodeName}{"\\n"}{end}';
  const { stdout } = await kubectl(ctx, ['--namespace', NAMESPACE, 'get', 'pods', '--selector', selector, '--output', path]);
  return stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => line.split(' '))
    .map(([name = '', node = '']) => ({ name, node }));
}

/** Expects that nothing of migrations is left in the checkpoint folders of nodes. */
export async function expectNothingLeft(ctx: Context, nodes: readonly string[]): Promise<void> {
  const left = async (): Promise<string[]> =>
    (
      await Promise.all(
        nodes.map(
          async (name) => (await new Node(ctx.runner, name).run(['find', archiveFolder, '-name', '*migration-*'], { accept: true })).stdout,
        ),
      )
    )
      .flatMap((listing) => listing.split('\n'))
      .filter(Boolean);
  await until(
    ctx,
    (found) => new ToolkitError('something of a migration is left', { details: found }),
    left,
    (found) => found.length === 0,
    { patienceMs: 10_000 },
  );
}
