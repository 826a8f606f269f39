import * as z from 'zod';
import type { HttpAnswer } from '../lib/cluster/kubelet.js';
import { ToolkitError } from '../lib/core/errors.js';

/** What kubelets, and the API server after them, answer to a checkpoint that was made. */
const schema = z.object({ items: z.array(z.string()).length(1) });

/** Path on the node of the archive that was made. @throws ToolkitError when the body of the answer names none */
export function archiveIn(body: string): string {
  try {
    return schema.parse(JSON.parse(body)).items[0] ?? '';
  } catch (error) {
    throw new ToolkitError('the answer to the checkpoint names no archive', { details: [body.slice(0, 1000)], cause: error });
  }
}

/** Path on the node of the archive that was made. @throws ToolkitError when the checkpoint failed */
export function archiveOf({ status, body }: HttpAnswer): string {
  if (status !== 200) throw new ToolkitError(`the checkpoint was answered with ${status}`, { details: [body.trim()] });
  return archiveIn(body);
}
