import { type Context, forCleanup } from '../../lib/core/context.js';
import { messageOf, ToolkitError } from '../../lib/core/errors.js';
import { inNamespace } from '../restore/pods.js';
import type { Behaviour } from './behaviours.js';
import type { Column, Outcome } from './table.js';
import { removed, type World } from './world.js';

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
    return { holds: false, reason: reasonOf(error) };
  } finally {
    await removed({ ...world, ctx: forCleanup(ctx) }, id, ...pods);
  }
}

/** What went wrong, in one line, without what is another one in each run. */
function reasonOf(error: ToolkitError): string {
  const [detail = ''] = error.details;
  return [messageOf(error).split('\n', 1)[0] ?? '', detail].filter(Boolean).join(': ');
}
