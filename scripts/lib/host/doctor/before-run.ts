import type { Context } from '../../core/context.js';
import type { Pending, Subject } from './examine.js';

/**
 * The question whether this machine can do what steps are about to do. Its checks are loaded only where there is something to do.
 * @param subject what the checks are told, e.g. the ports that the cluster wants
 * @returns throws a ToolkitError that lists what fails, each with what mends it
 */
export function machineFits(ctx: Context, subject: Subject = {}): (pending: Pending) => Promise<void> {
  return async (pending) => {
    const [{ refuseUnfit }, { checks }] = await Promise.all([import('./examine.js'), import('./index.js')]);
    await refuseUnfit(ctx, checks, pending, subject);
  };
}
