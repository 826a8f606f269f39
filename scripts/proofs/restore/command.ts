import { readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import * as z from 'zod';
import { checkpoint } from '../../checkpoint/checkpoint.js';
import { removeArchive, takeArchive } from '../../checkpoint/node-archive.js';
import { kubeContext, kubectl } from '../../lib/cluster/kubectl.js';
import { archiveFolder } from '../../lib/cluster/kubelet.js';
import { Node } from '../../lib/cluster/node.js';
import type { Context } from '../../lib/core/context.js';
import { expectSame, ToolkitError } from '../../lib/core/errors.js';
import { makeFolder } from '../../lib/core/files.js';
import { imageNames } from '../../lib/core/options.js';
import type { RunResult } from '../../lib/core/runner.js';
import { until } from '../../lib/core/until.js';
import type { Proof } from '../proof.js';
import { countsOnPast } from './counts.js';
import { counter, inPod, NAMESPACE, pod, remove, start } from './pods.js';
import { container, killProcess, MAIN, SOME } from './proof.js';

const HELPER = 'beside';
const SOURCE = 'commanded';
/** Waits for something that never comes: a ConfigMap that there is not. */
const NEVER_STARTS = { volumes: [{ name: 'none', configMap: { name: 'there-is-none' } }] };

const restoredSchema = z.object({
  pod: z.string(),
  node: z.string(),
  fromImage: z.array(z.string()),
  containers: z.array(
    z.object({ container: z.string(), brought: z.unknown(), proof: z.object({ by: z.string().nullable(), seen: z.string() }) }),
  ),
});
type Restored = z.infer<typeof restoredSchema>;

/** The command as people call it. @param pidFile gets its process ID */
function call(ctx: Context, args: readonly string[], pidFile = '/dev/null'): Promise<RunResult> {
  const { clusterName } = ctx.options;
  const command = [process.execPath, ctx.paths.inRoot('scripts', 'run.mjs'), 'restore', '--json', '--context', kubeContext(clusterName)];
  const options = { accept: true, env: { CI: '1' } } as const;
  return ctx.runner.run('sh', ['-c', 'echo $$ >"$1"; shift; exec "$@"', 'sh', pidFile, ...command, ...args], options);
}

async function restored(ctx: Context, args: readonly string[]): Promise<Restored> {
  const { exitCode, stdout, stderr } = await call(ctx, args);
  if (exitCode !== 0) throw new ToolkitError('the command failed', { details: stderr.split('\n') });
  const made = restoredSchema.parse(JSON.parse(stdout));
  for (const { proof } of made.containers) expectSame(proof.by, 'runtime', 'who tells that it was restored');
  return made;
}

/** Archives that the proof has for its command. */
interface Archives {
  /** Of both containers, here. */
  readonly files: Readonly<Record<string, string>>;
  /** Name of that of the first on its node. */
  readonly name: string;
  /** What it had counted to. */
  readonly last: number;
}

/** Proves what `kubectl checkpoint restore` and `npm run restore` do, by calling it. */
export async function proveCommand(ctx: Context, proof: Proof, from: string, to: string): Promise<void> {
  const folder = await makeFolder(ctx.paths.tmp, 'restore-proof-');
  const made: Array<Parameters<typeof removeArchive>[1]> = [];
  try {
    const archives = await checkpointSource(ctx, from, folder, made);
    await proveFromFile(ctx, proof, archives, to);
    await proveFromNode(ctx, proof, archives, from, to);
    await provePodFile(ctx, proof, archives, folder, to);
    await proveRefused(ctx, proof, archives, folder);
    await proveStopped(ctx, proof, archives, folder, to);
  } finally {
    for (const one of made) await removeArchive({ runner: ctx.cleanupRunner }, one);
    await rm(folder, { recursive: true, force: true });
  }
}

/** A pod of two containers, whose init container has filled an emptyDir. It is gone when its archives are here. */
async function checkpointSource(
  ctx: Context,
  node: string,
  folder: string,
  made: Array<Parameters<typeof removeArchive>[1]>,
): Promise<Archives> {
  const volumeMounts = [{ name: 'data', mountPath: '/data' }];
  const init = counter(ctx, 'fill', { command: ['sh', '-c', 'echo filled >/data/once'], volumeMounts });
  const containers = [counter(ctx, MAIN, { volumeMounts }), counter(ctx, HELPER)];
  await start(ctx, pod(SOURCE, node, containers, { initContainers: [init], volumes: [{ name: 'data', emptyDir: {} }] }));
  await countsOnPast(ctx, SOURCE, SOME);
  await inPod(ctx, SOURCE, 'echo changed >>/data/once');
  const files: Record<string, string> = {};
  for (const which of [MAIN, HELPER]) {
    const one = await checkpoint(ctx, await container(ctx, SOURCE, which));
    made.push(one);
    files[which] = await takeArchive(ctx, one, path.join(folder, `${which}.tar`));
  }
  const { last } = await countsOnPast(ctx, SOURCE, SOME);
  await remove(ctx, SOURCE);
  return { files, last, name: path.posix.basename(made[0]?.archive ?? '') };
}

async function proveFromFile(ctx: Context, proof: Proof, { files, last }: Archives, to: string): Promise<void> {
  const what = 'the restore command makes the pod out of its archives, brings them to a node, and both containers go on';
  const name = await proof.show(what, async () => {
    const before = await archivesOn(ctx, to);
    const { pod: name, node, containers } = await restored(ctx, [...Object.values(files), '--node', to]);
    expectSame(node, to, 'node');
    for (const { container: which } of containers) await countsOnPast(ctx, name, last + 5, which);
    expectSame(await inPod(ctx, name, 'cat /data/once'), 'filled\nchanged', 'file that the init container had made');
    expectSame(await archivesOn(ctx, to), before, 'archives on the node afterwards');
    return { seen: `${name}: ${containers.map(({ proof: { seen } }) => seen).join('; ')}`, value: name };
  });
  await proof.show('when its process ends later it starts from its image, though its archive is gone', async () => {
    await killProcess(ctx, name);
    const { last: now } = await countsOnPast(ctx, name, 2);
    await remove(ctx, name);
    return { seen: `0 … ${now}`, value: undefined };
  });
}

async function proveFromNode(ctx: Context, proof: Proof, { name: archive, last }: Archives, from: string, to: string): Promise<void> {
  await proof.show(
    'it takes an archive from a node, by a pod there where Docker may not be asked; the other container is started anew',
    async () => {
      const image = imageNames(ctx.options).counter;
      const args = ['--from', `${from}:${archive}`, '--node', to, '--fetch', 'pod', '--helper-image', image, '--name', 'named'];
      const { containers, fromImage } = await restored(ctx, args);
      expectSame(containers.map((one) => one.container).join(), MAIN, 'containers that were restored');
      expectSame(fromImage.join(), HELPER, 'containers from their image');
      await countsOnPast(ctx, 'named', last + 5);
      const taken = await call(ctx, ['--from', `${from}:${archive}`, '--name', 'named']);
      expectSame(firstLine(taken), `✖ there is a pod named in namespace ${NAMESPACE} already`, 'answer for a name that is taken');
      await remove(ctx, 'named');
      return { seen: `from ${from} to ${to}; ${HELPER} from its image`, value: undefined };
    },
  );
}

async function provePodFile(ctx: Context, proof: Proof, { files, last }: Archives, folder: string, to: string): Promise<void> {
  await proof.show('an archive without its pod is refused, unless a manifest is given', async () => {
    const file = path.join(folder, 'podless.tar');
    // GNU tar's --delete leaves an archive that cannot be read.
    const without = 'mkdir -m 0700 "$3" && cd "$3" && tar -xf "$1" && rm pod.dump && tar -cf "$2" *';
    await ctx.runner.run('sh', ['-c', without, 'sh', files[HELPER] ?? '', file, path.join(folder, 'podless')]);
    const refused = await call(ctx, [file, '--node', to]);
    const said = firstLine(refused);
    if (refused.exitCode !== 1 || !said.endsWith('does not tell what its pod was'))
      throw new ToolkitError('it was refused for another reason, or not at all', { details: refused.stderr.split('\n') });
    const manifest = path.join(folder, 'pod.json');
    await writeFile(manifest, JSON.stringify(pod('given', to, [counter(ctx, HELPER)])));
    const { pod: name } = await restored(ctx, [file, '--node', to, '--pod', manifest]);
    await countsOnPast(ctx, name, last, HELPER);
    await remove(ctx, name);
    return { seen: said.replace(/^✖ /, ''), value: undefined };
  });
}

/** Nothing is made, and each is told by its own words. */
async function proveRefused(ctx: Context, proof: Proof, { files, name: archive }: Archives, folder: string): Promise<void> {
  const file = files[MAIN] ?? '';
  const cut = path.join(folder, 'cut.tar');
  const cases: ReadonlyArray<readonly [args: readonly string[], says: RegExp]> = [
    [[cut], /is not a whole checkpoint archive/],
    [[file, '--namespace', 'default'], /is of namespace restore-proof, not of default/],
    [[file, '--node', 'nowhere'], /there is no node nowhere/],
    [['--from', `nowhere:${archive}`], /there is no node nowhere/],
    [[file, file], /two archives of container main/],
  ];
  await proof.show(`it refuses what cannot be restored, ${cases.length} ways, and makes nothing`, async () => {
    await ctx.runner.run('sh', ['-c', 'head -c 20000 "$1" >"$2"', 'sh', file, cut]);
    for (const [args, says] of cases) {
      const answer = await call(ctx, args);
      if (answer.exitCode === 0 || !says.test(answer.stderr))
        throw new ToolkitError(`not refused as it should be: ${args.join(' ')}`, { details: answer.stderr.split('\n') });
    }
    expectSame(await pods(ctx), '', 'pods afterwards');
    return { seen: cases.map(([, says]) => says.source).join('; '), value: undefined };
  });
}

async function proveStopped(ctx: Context, proof: Proof, { files }: Archives, folder: string, target: string): Promise<void> {
  await proof.show('when it is stopped its pod is removed, and what it had brought', async () => {
    const manifest = path.join(folder, 'never.json');
    const pidFile = path.join(folder, 'pid');
    await writeFile(manifest, JSON.stringify(pod('never', target, [counter(ctx, MAIN)], NEVER_STARTS)));
    const before = await archivesOn(ctx, target);
    const ended = call(ctx, [files[MAIN] ?? '', '--node', target, '--pod', manifest], pidFile);
    const made = await until(
      ctx,
      'the command makes no pod',
      () => pods(ctx),
      (names) => names !== '',
    );
    const brought = await archivesOn(ctx, target);
    if (brought === before) throw new ToolkitError('the command has brought no archive');
    process.kill(Number((await readFile(pidFile, 'utf8')).trim()), 'SIGINT');
    expectSame((await ended).exitCode, 130, 'exit code');
    expectSame(await pods(ctx), '', 'pods afterwards');
    expectSame(await archivesOn(ctx, target), before, 'archives on the node afterwards');
    return { seen: made, value: undefined };
  });
}

const firstLine = ({ stderr }: Pick<RunResult, 'stderr'>): string =>
  stderr.split('\n').find((line) => line.startsWith('✖')) ?? stderr.split('\n')[0] ?? '';

async function pods(ctx: Context): Promise<string> {
  return (await kubectl(ctx, ['--namespace', NAMESPACE, 'get', 'pods', '--output', 'name'])).stdout;
}

/** Names of what lies in the checkpoint folder of a node, half-made or not. */
async function archivesOn(ctx: Context, node: string): Promise<string> {
  const { stdout } = await new Node(ctx.runner, node).run(['ls', '-A', archiveFolder]);
  return stdout.split('\n').sort().join(' ');
}
