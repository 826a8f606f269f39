import type { Context } from '../lib/core/context.js';
import type { Json } from '../lib/core/json.js';
import type { Kube } from '../lib/kube/client.js';
import { type RestoreRequest, restorePod } from './restore-pod.js';
import { restoredJson, restoredText } from './restore-view.js';

/** Restores a pod and tells what came of it: what both `kubectl checkpoint restore` and `npm run restore` do. */
export async function runRestore(
  ctx: Context,
  kube: Kube,
  asked: RestoreRequest,
  { print, printJson }: { readonly print: (text: string) => void; readonly printJson: (value: Json) => void },
): Promise<undefined> {
  const restored = await restorePod(ctx, kube, asked);
  print(restoredText(restored));
  printJson(restoredJson(restored));
  return undefined;
}
