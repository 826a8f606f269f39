import { archiveFolder, type HttpAnswer } from '../lib/cluster/kubelet.js';
import type { ContainerRef, RunningContainer } from '../lib/cluster/pod.js';
import type { Context } from '../lib/core/context.js';
import { ToolkitError } from '../lib/core/errors.js';
import { until } from '../lib/core/until.js';
import { hintFor, statusMessage } from '../lib/kube/client.js';
import { archiveIn } from './answer.js';
import { oneAtATime } from './checkpoint.js';
import { asker, type Route, requestBy } from './request.js';

/** How long a dump may still be under way whose container is to be taken back, and how often it is asked for, milliseconds. */
const PATIENCE_MS = 15 * 60_000;
const EVERY_MS = 250;

/** What our containerd says while a checkpoint of the container is being made. */
const IN_PROGRESS = /a checkpoint of container .* is already in progress|another checkpoint/;
/** What it says when another pod has what was handed over. */
const TAKEN = /stays paused: .* was taken by pod/;

/** A container that is handed over, and under which name. */
export interface Handover {
  /** Name of what is made, in the node's checkpoint folder: a folder; or a tar file, where it ends in `.tar`. */
  readonly archive: string;
  readonly route: Route;
  /** Seconds that the runtime may take. */
  readonly timeoutSeconds: number;
}

/**
 * Checkpoints a container under a name, after which it stays paused until it is taken back or its pod goes. Should the checkpoint fail, the
 * runtime lets it run again; whether it does is for the caller to see to, by {@link takeBack}.
 * @throws ToolkitError with the answer
 */
export async function handOver(ctx: Context, container: RunningContainer, { archive, route, timeoutSeconds }: Handover): Promise<void> {
  await oneAtATime(ctx, container, async () => {
    const request = requestBy(route, container, { timeout: String(timeoutSeconds), name: archive, leave: 'paused' });
    const ask = await asker(ctx, route, container.node, request, timeoutSeconds);
    ctx.signal.throwIfAborted();
    const answer = await ask();
    if (answer.status !== 200) throw failed(container, answer);
    const made = archiveIn(answer.body);
    if (made !== `${archiveFolder}/${archive}`)
      throw new ToolkitError(`node ${container.node} cannot hand over a container: its kubelet made an ordinary checkpoint`, {
        details: [`archive on node ${container.node}: ${made}`],
        hint: `kubectl checkpoint rm ${made.slice(made.lastIndexOf('/') + 1)}`,
      });
  });
}

/** What became of a container that was to be taken back: it runs again; another pod has it; it is not there any more. */
export type TakenBack = 'runs' | 'taken' | 'gone';

/**
 * Has a container run again that was handed over, or that may have been; what was made of it is removed. Waits for a dump that is still
 * under way. One that was not handed over under that name is left as it is.
 * @param force also when another pod has taken it: that must not run, nor ever will
 * @throws ToolkitError when it could not be done
 */
export async function takeBack(
  ctx: Context,
  container: ContainerRef & { readonly node: string },
  { archive, route, force = false }: Pick<Handover, 'archive' | 'route'> & { readonly force?: boolean },
): Promise<TakenBack> {
  const request = requestBy(route, container, { resume: archive, ...(force ? { force: 'true' } : {}) });
  const ask = await asker(ctx, route, container.node, request, null);
  const answer = await until(
    ctx,
    (last) => failed(container, last),
    ask,
    ({ body }) => !IN_PROGRESS.test(body),
    { patienceMs: PATIENCE_MS, everyMs: EVERY_MS },
  );
  if (answer.status === 200) return 'runs';
  if (TAKEN.test(answer.body)) return 'taken';
  if (answer.status === 404) return 'gone';
  throw new ToolkitError(`container ${container.container} of pod ${container.pod} could not be taken back`, {
    details: [`the answer was ${answer.status}: ${statusMessage(answer.body)}`],
    hint: hintFor(answer.status) ?? 'Run the same command again.',
  });
}

function failed({ container, pod }: ContainerRef, { status, body }: HttpAnswer): ToolkitError {
  return new ToolkitError(`container ${container} of pod ${pod} could not be handed over`, {
    details: [`the answer was ${status}: ${statusMessage(body)}`],
    hint: hintFor(status),
  });
}
