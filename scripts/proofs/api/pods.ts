import { readFile } from 'node:fs/promises';
import { kubectl } from '../../lib/cluster/kubectl.js';
import { type Context, forCleanup } from '../../lib/core/context.js';
import { imageNames } from '../../lib/core/options.js';
import { applyAnew, countsPast } from '../../workloads/counter-pod.js';

/** Namespace of the pods that the proof of the API makes beside the recipe's own. */
export const NAMESPACE = 'checkpoint-proof';

const counter = (ctx: Context, name: string, extra: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, unknown>> => ({
  name,
  image: imageNames(ctx.options).counter,
  imagePullPolicy: 'Never',
  ...extra,
});

const pod = (name: string, spec: Readonly<Record<string, unknown>>): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: NAMESPACE },
    spec: { terminationGracePeriodSeconds: 1, ...spec },
  });

/** Makes a namespace with pods of all kinds that the API must tell apart. */
export async function makePods(ctx: Context): Promise<void> {
  await kubectl(ctx, ['delete', 'namespace', NAMESPACE, '--ignore-not-found', '--wait']);
  await kubectl(ctx, ['create', 'namespace', NAMESPACE]);
  const pods = [
    pod('two', { containers: [counter(ctx, 'first'), counter(ctx, 'second')] }),
    pod('starting', { initContainers: [counter(ctx, 'init')], containers: [counter(ctx, 'main')] }),
    pod('unscheduled', { nodeSelector: { 'no-such-label': 'true' }, containers: [counter(ctx, 'main')] }),
    pod('ended', { restartPolicy: 'Never', containers: [counter(ctx, 'main', { command: ['true'] })] }),
    pod('with-debugger', { containers: [counter(ctx, 'main')] }),
  ];
  for (const manifest of pods) await kubectl(ctx, ['apply', '--filename', '-'], { input: manifest });
  const role = await readFile(ctx.paths.inRoot('manifests', 'checkpoint-role.yaml'), 'utf8');
  await kubectl(ctx, ['--namespace', NAMESPACE, 'apply', '--filename', '-'], { input: role });
  const wait = (what: string, name: string): Promise<unknown> =>
    kubectl(ctx, ['--namespace', NAMESPACE, 'wait', `--for=${what}`, `pod/${name}`, '--timeout=60s']);
  await wait('condition=Ready', 'two');
  await wait('condition=Ready', 'with-debugger');
  await wait('jsonpath={.status.phase}=Succeeded', 'ended');
  await wait('jsonpath={.status.initContainerStatuses[0].started}=true', 'starting');
  await kubectl(ctx, [
    '--namespace',
    NAMESPACE,
    'debug',
    'with-debugger',
    '--image',
    imageNames(ctx.options).counter,
    '--image-pull-policy',
    'Never',
    '--container',
    'debugger',
    '--profile',
    'general',
  ]);
  await wait('jsonpath={.status.ephemeralContainerStatuses[0].state.running.startedAt}', 'with-debugger');
}

/** The recipe's second pod, in the namespace `default`. */
export async function makeCounter2(ctx: Context, manifest: string): Promise<void> {
  await applyAnew(ctx, manifest, 'counter2');
  await countsPast(ctx, 'counter2', 'counter-container', 2);
}

/** A token for a service account of the proof's namespace. */
export async function tokenOf(ctx: Context, account: string): Promise<string> {
  return (await kubectl(ctx, ['--namespace', NAMESPACE, 'create', 'token', account])).stdout;
}

/** Takes the proof's namespace away; does not wait for its pods to end. */
export async function removePods(ctx: Context): Promise<void> {
  await kubectl(forCleanup(ctx), ['delete', 'namespace', NAMESPACE, '--ignore-not-found', '--wait=false'], {
    accept: true,
  });
}
