import { checkpoint } from '../../checkpoint/checkpoint.js';
import { type PodManifest, restoredPod } from '../../checkpoint/restore.js';
import { kubectl } from '../../lib/cluster/kubectl.js';
import { findContainer } from '../../lib/cluster/pod.js';
import type { Context } from '../../lib/core/context.js';
import { expectSame, ToolkitError } from '../../lib/core/errors.js';
import type { RunResult } from '../../lib/core/runner.js';
import type { Proof } from '../proof.js';
import { counter, NAMESPACE, pod, remove, start } from './pods.js';

const MAIN = 'main';
const MAKER = `system:serviceaccount:${NAMESPACE}:pod-maker`;
const NEEDED = /may not restore pods in namespace restore-proof: create on pods\/restore is needed/;

/** An account that may make and change pods, but not restore them. */
const ACCOUNT = [
  ['create', 'serviceaccount', 'pod-maker'],
  ['create', 'role', 'pod-maker', '--verb=create,get,patch,delete', '--resource=pods'],
  ['create', 'rolebinding', 'pod-maker', '--role=pod-maker', `--serviceaccount=${NAMESPACE}:pod-maker`],
] as const;
const GRANT = [
  ['create', 'role', 'pod-restorer', '--verb=create', '--resource=pods/restore'],
  ['create', 'rolebinding', 'pod-restorer', '--role=pod-restorer', `--serviceaccount=${NAMESPACE}:pod-maker`],
] as const;

/** Proves that restoring takes a right of its own. */
export async function proveRights(ctx: Context, proof: Proof, node: string): Promise<void> {
  const inProof = (args: readonly string[]): Promise<RunResult> => kubectl(ctx, ['--namespace', NAMESPACE, ...args]);
  const asMaker = (args: readonly string[], manifest?: PodManifest): Promise<RunResult> =>
    kubectl(ctx, ['--namespace', NAMESPACE, '--as', MAKER, ...args], {
      accept: true,
      ...(manifest === undefined ? {} : { input: JSON.stringify(manifest) }),
    });
  const create = (manifest: PodManifest): Promise<RunResult> => asMaker(['create', '--filename', '-'], manifest);
  const source = pod('counter', node, [counter(ctx, MAIN)]);
  await start(ctx, source);
  const made = await checkpoint(ctx, await findContainer(ctx, NAMESPACE, 'counter', MAIN));
  const restored = restoredPod(source, 'restored', node, { [MAIN]: made.archive.split('/').at(-1) ?? '' });
  for (const command of ACCOUNT) await inProof(command);
  await proof.show('who may make pods may not restore them', async () => {
    return { seen: refusal(await create(restored)), value: undefined };
  });
  await proof.show('nor turn a pod into a restored one', async () => {
    expectSame((await create(pod('plain', node, [counter(ctx, MAIN)]))).exitCode, 0, 'exit code for a plain pod');
    const patch = JSON.stringify({ metadata: { annotations: restored.metadata.annotations } });
    return { seen: refusal(await asMaker(['patch', 'pod', 'plain', '--patch', patch])), value: undefined };
  });
  await proof.show('who has the right to create pods/restore may, and change it afterwards without', async () => {
    for (const command of GRANT) await inProof(command);
    expectSame((await create(restored)).exitCode, 0, 'exit code with the right');
    await inProof(['delete', 'rolebinding', 'pod-restorer']);
    const patch = JSON.stringify({ metadata: { labels: { changed: 'yes' } } });
    expectSame((await asMaker(['patch', 'pod', 'restored', '--patch', patch])).exitCode, 0, 'exit code of a change of something else');
    return { seen: MAKER, value: undefined };
  });
  await remove(ctx, 'counter', 'plain', 'restored');
}

function refusal({ exitCode, stderr }: RunResult): string {
  const [said] = NEEDED.exec(stderr) ?? [];
  if (exitCode === 0 || said === undefined) throw new ToolkitError('it was not refused', { details: [stderr] });
  return said;
}
