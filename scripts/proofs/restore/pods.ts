import type { PodManifest } from '../../checkpoint/restore.js';
import { kubectl } from '../../lib/cluster/kubectl.js';
import { type Context, forCleanup } from '../../lib/core/context.js';
import { imageNames } from '../../lib/core/options.js';
import { until } from '../../lib/core/until.js';

/** Namespace of the pods of the proof. */
export const NAMESPACE = 'restore-proof';

/** A container of the counter image, which prints 0, 1, 2, … */
export function counter(ctx: Context, name: string, extra: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, unknown>> {
  return { name, image: imageNames(ctx.options).counter, imagePullPolicy: 'Never', ...extra };
}

/** A pod of the proof's namespace. */
export function pod(
  name: string,
  node: string,
  containers: ReadonlyArray<Readonly<Record<string, unknown>>>,
  more: Readonly<Record<string, unknown>> = {},
): PodManifest {
  const spec = { nodeName: node, terminationGracePeriodSeconds: 1, containers, ...more };
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec };
}

const inProof = (ctx: Context, args: readonly string[], options: Parameters<typeof kubectl>[2] = {}): ReturnType<typeof kubectl> =>
  kubectl(ctx, ['--namespace', NAMESPACE, ...args], options);

/** Makes the namespace of the proof anew, and takes it away afterwards. */
export async function inNamespace(ctx: Context, act: () => Promise<void>): Promise<void> {
  await kubectl(ctx, ['delete', 'namespace', NAMESPACE, '--ignore-not-found', '--wait']);
  await kubectl(ctx, ['create', 'namespace', NAMESPACE]);
  try {
    // A pod waits for the account, and for the ConfigMap that is mounted into it.
    await until(
      ctx,
      'the namespace has no service account',
      () => accounts(ctx),
      (found) => found !== '',
    );
    await act();
  } finally {
    await kubectl(forCleanup(ctx), ['delete', 'namespace', NAMESPACE, '--ignore-not-found', '--wait=false'], { accept: true });
  }
}

async function accounts(ctx: Context): Promise<string> {
  return (await inProof(ctx, ['get', 'serviceaccount', 'default', '--ignore-not-found', '--output', 'name'])).stdout;
}

/** Applies a pod and returns at once. */
export async function apply(ctx: Context, manifest: PodManifest): Promise<void> {
  await inProof(ctx, ['apply', '--filename', '-'], { input: JSON.stringify(manifest) });
}

/** Applies a pod, and returns when it is ready. */
export async function start(ctx: Context, manifest: PodManifest): Promise<void> {
  await apply(ctx, manifest);
  await untilReady(ctx, manifest.metadata.name);
}

/** Returns when a pod is ready. */
export async function untilReady(ctx: Context, name: string): Promise<void> {
  await inProof(ctx, ['wait', '--for=condition=Ready', `pod/${name}`, '--timeout=60s'], { failure: `pod ${name} does not get ready` });
}

/** Removes pods, and returns when they are gone. */
export async function remove(ctx: Context, ...names: readonly string[]): Promise<void> {
  await inProof(ctx, ['delete', 'pod', ...names, '--now', '--wait']);
}

/** What a command in a container of a pod prints. */
export async function inPod(ctx: Context, name: string, script: string): Promise<string> {
  return (await inProof(ctx, ['exec', name, '--', 'sh', '-c', script])).stdout;
}

/** What a program in a container of a pod prints. */
export async function run(ctx: Context, name: string, container: string, command: readonly string[]): Promise<string> {
  return (await inProof(ctx, ['exec', name, '--container', container, '--', ...command])).stdout;
}

/** What a container has printed, from the beginning. */
export async function logOf(ctx: Context, name: string, container: string, { previous = false } = {}): Promise<string> {
  return (await inProof(ctx, ['logs', name, '--container', container, ...(previous ? ['--previous'] : [])])).stdout;
}

/** When the first line of a container's log was printed, milliseconds since the epoch. */
export async function logBegan(ctx: Context, name: string, container: string): Promise<number> {
  const { stdout } = await inProof(ctx, ['logs', name, '--container', container, '--timestamps']);
  return Date.parse(stdout.split(' ')[0] ?? '');
}

/** Messages of a pod's events. @param selector more of kubectl's field selector */
async function messagesOf(ctx: Context, name: string, selector = ''): Promise<string> {
  const fields = `involvedObject.name=${name}${selector}`;
  const path = 'jsonpath={range .items[*]}{.message}{"\\n"}{end}';
  return (await inProof(ctx, ['get', 'events', '--field-selector', fields, '--output', path])).stdout;
}

/** What the kubelet has complained of, of a pod. */
export async function warningsOf(ctx: Context, name: string): Promise<string[]> {
  return (await messagesOf(ctx, name, ',type=Warning')).split('\n').filter(Boolean);
}

/** Waits until an event of a pod matches, and gives its message. */
export async function eventOf(ctx: Context, name: string, pattern: RegExp): Promise<string> {
  const messages = (): Promise<string> => messagesOf(ctx, name);
  const seen = await until(ctx, `pod ${name} has no event ${pattern.source}`, messages, (text) => pattern.test(text), { everyMs: 500 });
  return pattern.exec(seen)?.[0] ?? '';
}
