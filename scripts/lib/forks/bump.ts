import { existsSync } from 'node:fs';
import { cp, mkdir, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import * as z from 'zod';
import { goEnv, pinnedVersion, readPin, runGo } from '../build/go.js';
import type { Context } from '../core/context.js';
import { CommandError, ToolkitError, UsageError } from '../core/errors.js';
import { git } from '../core/git.js';
import { type Fork, readSeries } from './fork.js';
import { baseOf, isUntouched, patchesOf, rememberBase, treeOf, treeState, writeSeries } from './tree.js';
import { applySeries, cloneTree, pristine } from './upstream.js';

const moduleFile = z.object({
  Go: z.string().optional(),
  Require: z.array(z.object({ Path: z.string(), Version: z.string(), Indirect: z.boolean().optional() })).nullable(),
  Replace: z
    .array(z.object({ Old: z.object({ Path: z.string() }), New: z.object({ Path: z.string(), Version: z.string().optional() }) }))
    .nullable(),
});

/** What moving a pin came to. */
export interface Bumped {
  readonly from: string;
  readonly to: string;
  readonly patches: readonly string[];
}

/** Where the new pin waits while conflicts are resolved. */
function waitingPin(tree: string): string {
  return path.join(tree, '.git', 'kind-checkpoint-pin');
}

/**
 * Moves a fork's pin and replays its patches on the new version. Nothing in the checkout changes before all of them apply.
 * @throws UsageError when work would be lost or the version cannot be had; ToolkitError with the conflict
 */
export async function bumpFork(ctx: Context, fork: Fork, version: string): Promise<Bumped> {
  const tree = treeOf(ctx, fork);
  if (existsSync(tree) && !isUntouched(await treeState(ctx, tree))) {
    throw new UsageError(`${tree} holds work in progress`, {
      hint: `Export it (npm run fork:export -- ${fork.name}) or move it away first.`,
    });
  }
  const folder = ctx.paths.inRoot(fork.folder);
  const from = pinnedVersion(await readPin(folder), fork.module);
  const moved = path.join(ctx.paths.cache, 'forks', `${fork.name}-${version}`);
  await rm(moved, { recursive: true, force: true });
  await writePin(ctx, fork, version, folder, moved);
  // The former one too: a three-way merge starts from what the patches were made on.
  await pristine(ctx, fork, await readPin(folder));
  const upstream = await pristine(ctx, fork, await readPin(moved));

  await rm(tree, { recursive: true, force: true });
  await cloneTree(ctx, upstream, tree);
  await rememberBase(ctx, tree, upstream.commit);
  await rename(moved, waitingPin(tree));
  try {
    await applySeries(ctx, tree, await readSeries(patchesOf(ctx, fork)));
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    throw await conflict(ctx, fork, tree, version, error);
  }
  return finish(ctx, fork, from);
}

/** Goes on after conflicts have been resolved in the tree. */
export async function continueBump(ctx: Context, fork: Fork): Promise<Bumped> {
  const tree = treeOf(ctx, fork);
  if (!existsSync(waitingPin(tree))) throw new UsageError(`no move of the pin of ${fork.name} is under way`);
  const { unfinished, uncommitted } = await treeState(ctx, tree);
  if (unfinished || uncommitted.length > 0)
    throw new UsageError(`${tree} still has conflicts or uncommitted changes`, {
      details: uncommitted.slice(0, 10),
      hint: 'Mend the files, git add them, git am --continue.',
    });
  return finish(ctx, fork, pinnedVersion(await readPin(ctx.paths.inRoot(fork.folder)), fork.module));
}

async function finish(ctx: Context, fork: Fork, from: string): Promise<Bumped> {
  const tree = treeOf(ctx, fork);
  const folder = ctx.paths.inRoot(fork.folder);
  const patches = await writeSeries(ctx, fork, tree, await baseOf(ctx, tree));
  for (const name of ['go.mod', 'go.sum']) await rename(path.join(waitingPin(tree), name), path.join(folder, name));
  await rm(waitingPin(tree), { recursive: true });
  await rememberBase(ctx, tree, await baseOf(ctx, tree));
  return { from, to: pinnedVersion(await readPin(folder), fork.module), patches };
}

async function conflict(ctx: Context, fork: Fork, tree: string, version: string, cause: CommandError): Promise<ToolkitError> {
  const files = await git(ctx, tree, ['diff', '--name-only', '--diff-filter=U']);
  const patch = /Patch failed at (.*)/.exec(cause.output)?.[1] ?? /Applying: (.*)/.exec(cause.output)?.[1] ?? 'a patch';
  return new ToolkitError(`${fork.name} ${version}: conflict in: ${patch}`, {
    details: files === '' ? cause.details : files.split('\n').map((file) => `both changed ${file}`),
    hint: `In ${tree}: mend the files, git add them, git am --continue.\nThen: npm run fork:bump -- ${fork.name} --continue   (or give it up: npm run fork:bump -- ${fork.name} --abort)`,
    log: cause.log,
    cause,
  });
}

/** Gives a move of the pin up: the tree goes, the checkout is as it was. */
export async function abortBump(ctx: Context, fork: Fork): Promise<void> {
  const tree = treeOf(ctx, fork);
  if (!existsSync(waitingPin(tree))) throw new UsageError(`no move of the pin of ${fork.name} is under way`);
  await rm(tree, { recursive: true, force: true });
}

/** Writes the pin of another version: its own go line, its staging modules, its versions of everything else. */
async function writePin(ctx: Context, fork: Fork, version: string, from: string, to: string): Promise<void> {
  await mkdir(path.dirname(to), { recursive: true });
  await cp(from, to, { recursive: true, filter: (source) => ['', 'go.mod', 'pin.go'].includes(path.relative(from, source)) });
  const { toolchain } = await readPin(from);
  const go = (args: readonly string[], failure?: string): Promise<string> =>
    runGo(ctx, args, { cwd: to, env: { ...goEnv(toolchain), GOFLAGS: '-mod=mod' }, ...(failure === undefined ? {} : { failure }) });
  const read = async (file: string): Promise<z.infer<typeof moduleFile>> =>
    moduleFile.parse(JSON.parse(await go(['mod', 'edit', '-json', file])));

  const { GoMod } = z
    .object({ GoMod: z.string() })
    .parse(JSON.parse(await go(['mod', 'download', '-json', `${fork.module}@${version}`], `${fork.module} ${version} is not available`)));
  const [own, upstream] = [await read('go.mod'), await read(GoMod)];
  const staged = (upstream.Replace ?? []).filter(({ New }) => New.Path.startsWith('./staging/')).map(({ Old }) => Old.Path);
  const stagedVersion = version.replace(/^v1\./, 'v0.');
  const edits = [
    ...(own.Require ?? []).map((required) => `-droprequire=${required.Path}`),
    ...(own.Replace ?? []).map((replaced) => `-dropreplace=${replaced.Old.Path}`),
    `-require=${fork.module}@${version}`,
    ...(fork.staging === undefined ? [] : staged.map((module) => `-replace=${module}=${module}@${stagedVersion}`)),
    ...(upstream.Go === undefined ? [] : [`-go=${upstream.Go}`]),
  ];
  await go(['mod', 'edit', ...edits]);
  if (newer(upstream.Go, toolchain))
    await go(['mod', 'edit', `-toolchain=go${upstream.Go?.split('.').length === 2 ? `${upstream.Go}.0` : upstream.Go}`]);
  await go(['mod', 'tidy', '-e'], `the modules of ${fork.module} ${version} are not available`);
  const text = await readFile(path.join(to, 'go.mod'), 'utf8');
  if (!text.includes(`${fork.module} ${version}`)) throw new ToolkitError(`the pin of ${fork.name} did not move to ${version}`);
}

function newer(go: string | undefined, toolchain: string): boolean {
  const parts = (text: string): number[] => text.replace(/^go/, '').split('.').map(Number);
  const [a, b] = [parts(go ?? '0'), parts(toolchain)];
  for (let index = 0; index < 3; index++) if ((a[index] ?? 0) !== (b[index] ?? 0)) return (a[index] ?? 0) > (b[index] ?? 0);
  return false;
}
