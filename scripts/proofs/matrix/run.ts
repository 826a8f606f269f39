import { type Context, forCleanup } from '../../lib/core/context.js';
import { ToolkitError } from '../../lib/core/errors.js';
import { inNamespace, warningsOf } from '../restore/pods.js';
import type { Behaviour } from './behaviours.js';
import type { Column, Outcome } from './table.js';
import { podsOf, removed, type World } from './world.js';

/** So much of a reason is told, characters. */
const REASON_LENGTH = 400;

/** Tries all behaviours on a cluster, one after the other; one that does not hold does not end it. */
export async function tryAll(ctx: Context, of: Omit<Column, 'outcomes'>, behaviours: readonly Behaviour[], world: World): Promise<Column> {
  const outcomes: Record<string, Outcome> = {};
  await inNamespace(ctx, async () => {
    for (const behaviour of behaviours) {
      const outcome = await tryOne(ctx, behaviour, world);
      outcomes[behaviour.id] = outcome;
      ctx.say(outcome.holds ? `✔ ${behaviour.title}` : `✖ ${behaviour.title}: ${outcome.reason}`);
    }
  });
  return { ...of, outcomes };
}

async function tryOne(ctx: Context, { id, pods = [], prove }: Behaviour, world: World): Promise<Outcome> {
  try {
    await prove(world);
    return { holds: true };
  } catch (error) {
    ctx.signal.throwIfAborted();
    // A defect of the toolkit is no answer about a runtime.
    if (!(error instanceof ToolkitError)) throw error;
    return { holds: false, reason: (await warningOf(ctx, [podsOf(id).restored, ...pods])) ?? error.message };
  } finally {
    await removed({ ...world, ctx: forCleanup(ctx) }, id, ...pods);
  }
}

/** What the runtime has said of pods that it could not start, where it has: in one line, without what is another one in each run. */
async function warningOf(ctx: Context, pods: readonly string[]): Promise<string | undefined> {
  for (const name of pods) {
    const [first] = (await warningsOf(ctx, name)).filter((message) => !/^Back-off|MountVolume/.test(message));
    if (first !== undefined) return withoutIds(first).slice(0, REASON_LENGTH);
  }
  return undefined;
}

/** A message without identifiers of containers and images, and without the folders of a container. */
export function withoutIds(message: string): string {
  return message
    .replaceAll(/(\/[\w.@-]+)*\/[0-9a-f]{12,}(\/[\w.@-]+)*/g, '…')
    .replaceAll(/"?\b(sha256:)?[0-9a-f]{12,}\b"?/g, '…')
    .replaceAll(/\s+/g, ' ');
}
