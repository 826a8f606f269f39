import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { readClusterConfig, withAdditions } from '../lib/cluster/config.js';
import { type ClusterFacts, decide, nodeIds } from '../lib/cluster/decision.js';
import { runKind } from '../lib/cluster/kind.js';
import { kubectl } from '../lib/cluster/kubectl.js';
import { nodeContainers } from '../lib/cluster/node.js';
import { type Profile, readProfile } from '../lib/cluster/profile.js';
import { emptySharedFolder, makeSharedFolder, removeSharedFolder, sharedArchiveFolder } from '../lib/cluster/shared-folder.js';
import { type Context, forCleanup, type Options } from '../lib/core/context.js';
import { ToolkitError } from '../lib/core/errors.js';
import { readIfThere, writeAtomically } from '../lib/core/files.js';
import { sha256 } from '../lib/core/hash.js';
import { until } from '../lib/core/until.js';
import { readStamp } from '../lib/engine/freshness.js';
import { type Product, type Step, type StepContext, step } from '../lib/engine/step.js';
import { criuCheck } from './criu.js';
import { kind } from './kind.js';
import { kubernetes } from './kubernetes.js';
import { nodeImageNamesOf, nodeImageOf } from './node-image.js';

/** How long each part of a cluster may take, milliseconds. */
const PATIENCE_MS = 180_000;
const READY_TIMEOUT = `${PATIENCE_MS / 1000}s`;
/** What a cluster must hold before anyone can ask it for a restore. */
const RESTORE_POLICY = 'manifests/restore-policy.yaml';
const LOOK = 'Look at it: npm run kubectl -- get pods -A; npm run cluster:logs';

/** The containers of a running cluster, as a product. */
function runningCluster(name: string): Product {
  return {
    name: `cluster ${name}`,
    async fingerprint(ctx) {
      const nodes = await nodeContainers(ctx, name).catch(() => []);
      if (nodes.length === 0 || nodes.some(({ state }) => state !== 'running')) return undefined;
      return nodeIds(nodes);
    },
  };
}

/** The step that makes a cluster of this name and profile. */
export function clusterStep({ clusterName }: Pick<Options, 'clusterName'>, profile: Profile): Step {
  const self: Step = step({
    id: `cluster-${clusterName}`,
    title: `cluster ${clusterName}`,
    seconds: 25,
    uses: ['docker'],
    needs: [kind, kubernetes, nodeImageOf(profile.pins.containerd)],
    options: async ({ options, paths }) => ({
      configuration: sha256((await readClusterConfig(options.clusterConfig)).text),
      'containerd’s configuration': profile.containerdConfigPatches,
      'restore policy': sha256(await readFile(paths.inRoot(RESTORE_POLICY), 'utf8')),
    }),
    produces: () => [runningCluster(clusterName)],
    run: (ctx) => bringUp(ctx, self, profile),
  });
  return self;
}

/** What brings up the cluster that the options name, of their profile; that its kernel can checkpoint is told first. */
export function clusterGoals(ctx: Pick<Context, 'options' | 'paths'>): Step[] {
  return [criuCheck, clusterStep(ctx.options, readProfile(ctx))];
}

/** A file that says: a creation was begun and not finished. */
function unfinishedMark(ctx: Context): string {
  return path.join(ctx.paths.stamps, `cluster-${ctx.options.clusterName}.unfinished`);
}

async function bringUp(ctx: StepContext, self: Step, profile: Profile): Promise<void> {
  const decision = decide(await readFacts(ctx, self));
  switch (decision.do) {
    case 'refuse':
      throw decision.reason;
    case 'start':
      ctx.status('starting its nodes');
      await ctx.runner.run('docker', ['start', ...decision.nodes]);
      return await untilReady(ctx);
    case 'nothing':
      return await untilReady(ctx);
    case 're-create':
      await deleteCluster(ctx);
      return await create(ctx, profile);
    case 'create':
      return await create(ctx, profile);
  }
}

async function readFacts(ctx: Context, self: Step): Promise<ClusterFacts> {
  const { clusterName, recreate } = ctx.options;
  const nodes = await nodeContainers(ctx, clusterName);
  const stamp = readStamp(self, ctx);
  const [product] = self.produces?.(ctx) ?? [];
  return {
    name: clusterName,
    nodes,
    unfinished: (await readIfThere(unfinishedMark(ctx))) !== undefined,
    made: stamp && { nodes: stamp.products[product?.name ?? ''], changed: await differences(ctx, self, stamp.parts) },
    recreate,
  };
}

/** What the cluster was made of and is another now, by the names in its key. */
async function differences(ctx: Context, self: Step, before: Readonly<Record<string, string>>): Promise<string[]> {
  const now = (await self.options?.(ctx)) ?? {};
  const own = Object.entries(now)
    .filter(([name, value]) => before[name] !== JSON.stringify(value))
    .map(([name]) => name);
  const needs = await Promise.all((self.needs ?? []).map(async (need) => [need.title, readStamp(need, ctx)?.key] as const));
  return [...own, ...needs.filter(([title, key]) => before[title] !== key).map(([title]) => title)];
}

async function create(ctx: StepContext, profile: Profile): Promise<void> {
  const { clusterName } = ctx.options;
  await writeAtomically(unfinishedMark(ctx), `${process.pid}\n`);
  try {
    const { node } = nodeImageNamesOf(ctx.options, profile.pins.containerd);
    const config = await configurationFile(ctx, profile);
    await runKind(ctx, ['create', 'cluster', '--name', clusterName, '--image', node, '--config', config, '--retain'], {
      failure: `kind could not create the cluster ${clusterName}`,
    });
    await untilReady(ctx);
    await kubectl(ctx, ['apply', '--filename', ctx.paths.inRoot(RESTORE_POLICY)], {
      failure: 'the policy for restores could not be applied',
    });
  } catch (error) {
    const later = forCleanup(ctx);
    await runKind(later, ['export', 'logs', '--name', clusterName, path.join(ctx.logs, 'nodes')], {
      accept: true,
      timeoutMs: 60_000,
    });
    const { exitCode } = await runKind(later, ['delete', 'cluster', '--name', clusterName], { accept: true, timeoutMs: 60_000 });
    // With nothing left of it, a cluster of this name that is found later is somebody else's.
    if (exitCode === 0) await rm(unfinishedMark(ctx), { force: true });
    throw error;
  }
  await rm(unfinishedMark(ctx), { force: true });
}

/** The configuration that kind is given: a copy of the user's file, with what the profile adds and the folder that the nodes share. */
async function configurationFile(ctx: Context, { containerdConfigPatches }: Profile): Promise<string> {
  const { clusterName, clusterConfig } = ctx.options;
  const { text } = await readClusterConfig(clusterConfig);
  const sharedFolder = { hostPath: await makeSharedFolder(ctx), containerPath: sharedArchiveFolder };
  const file = path.join(ctx.paths.tmp, `cluster-${clusterName}.yaml`);
  await writeAtomically(file, withAdditions(text, { containerdPatches: containerdConfigPatches, sharedFolder }));
  return file;
}

/** Returns when the nodes are Ready, DNS and the storage class serve, and the API answers. */
async function untilReady(ctx: StepContext): Promise<void> {
  const { ownCni } = await readClusterConfig(ctx.options.clusterConfig);
  const hint = LOOK;
  await waitFor(ctx, 'the API server does not get ready', () => apiAnswers(ctx));
  if (ownCni) {
    ctx.say('networking.disableDefaultCNI is set: the nodes get Ready when you have applied a CNI.');
    return;
  }
  ctx.status('waiting for nodes to be Ready');
  await kubectl(ctx, ['wait', '--for=condition=Ready', 'nodes', '--all', `--timeout=${READY_TIMEOUT}`], {
    failure: 'nodes do not get Ready',
    hint,
  });
  ctx.status('waiting for DNS');
  await waitFor(ctx, 'CoreDNS does not serve', () => dnsServes(ctx));
  ctx.status('waiting for storage');
  await kubectl(
    ctx,
    ['--namespace', 'local-path-storage', 'rollout', 'status', 'deployment/local-path-provisioner', `--timeout=${READY_TIMEOUT}`],
    {
      failure: 'local-path-provisioner does not get ready',
      hint,
    },
  );
  await kubectl(ctx, ['get', 'storageclass', 'standard'], { failure: 'the cluster has no storage class', hint });
}

/** True when a pod of CoreDNS says by itself that it is ready: after a restart of the node its status is out of date for a while. */
async function dnsServes(ctx: StepContext): Promise<boolean> {
  const list = [
    '--namespace',
    'kube-system',
    'get',
    'pods',
    '--selector',
    'k8s-app=kube-dns',
    '--output',
    'jsonpath={.items[*].metadata.name}',
  ];
  const { stdout } = await kubectl(ctx, list, { accept: true, timeoutMs: 10_000 });
  for (const pod of stdout.split(' ').filter(Boolean)) {
    const route = `/api/v1/namespaces/kube-system/pods/${pod}:8181/proxy/ready`;
    if ((await kubectl(ctx, ['get', '--raw', route], { accept: true, timeoutMs: 5_000 })).stdout === 'OK') return true;
  }
  return false;
}

async function apiAnswers(ctx: StepContext): Promise<boolean> {
  return (await kubectl(ctx, ['get', '--raw', '/readyz'], { accept: true, timeoutMs: 10_000 })).exitCode === 0;
}

async function waitFor(ctx: StepContext, failure: string, holds: () => Promise<boolean>): Promise<void> {
  await until(
    ctx,
    () => new ToolkitError(failure, { details: [`not within ${PATIENCE_MS / 1000} s`], hint: LOOK, log: ctx.log }),
    holds,
    (held) => held,
    { patienceMs: PATIENCE_MS, everyMs: 500 },
  );
}

/** Deletes the cluster and what is remembered of it. Other clusters and kubeconfig contexts stay. */
export async function deleteCluster(ctx: Context): Promise<void> {
  const { clusterName } = ctx.options;
  await emptySharedFolder(ctx);
  await runKind(ctx, ['delete', 'cluster', '--name', clusterName], {
    failure: `kind could not delete the cluster ${clusterName}`,
  });
  await removeSharedFolder(ctx);
  for (const name of [`cluster-${clusterName}.json`, `cluster-${clusterName}.unfinished`])
    await rm(path.join(ctx.paths.stamps, name), { force: true });
}
