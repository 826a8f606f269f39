import { existsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { readPin } from '../build/go.js';
import type { Context } from '../core/context.js';
import { ToolkitError, UsageError } from '../core/errors.js';
import { makeFolder, replace } from '../core/files.js';
import { git } from '../core/git.js';
import { type Fork, forks, readSeries } from './fork.js';
import { applySeries, cloneTree, exportSeries, type Pristine, patchBytes, pristine } from './upstream.js';

/** A fork by its name. @throws UsageError that lists the names */
export function forkNamed(name: string | undefined): Fork {
  const found = Object.values(forks).find((fork) => fork.name === name);
  if (found === undefined)
    throw new UsageError(name === undefined ? 'name a fork' : `there is no fork called ${name}`, {
      hint: `Forks: ${Object.keys(forks).join(', ')}`,
    });
  return found;
}

/** The forks of these names; all when none is named. @throws UsageError that lists the names */
export function chosenForks(names: readonly string[]): Fork[] {
  return names.length === 0 ? Object.values(forks) : names.map(forkNamed);
}

/** Where a fork's editable tree lies. */
export function treeOf(ctx: Pick<Context, 'paths'>, fork: Fork): string {
  return ctx.paths.tree(fork.folder);
}

/** Folder of a fork's patches. */
export function patchesOf(ctx: Pick<Context, 'paths'>, fork: Fork): string {
  return ctx.paths.inRoot(fork.folder, 'patches');
}

/** What an editable tree holds beyond what was laid out. */
export interface TreeState {
  /** Commits since the pristine one. */
  readonly commits: number;
  /** Changed or new files that are not committed, as git status names them. */
  readonly uncommitted: readonly string[];
  /** HEAD is the commit that fork:edit or fork:export left. */
  readonly asLaidOut: boolean;
  /** A rebase, am or merge is under way. */
  readonly unfinished: boolean;
}

const LAID_OUT = 'refs/kind-checkpoint/laid-out';
const BASE = 'refs/kind-checkpoint/base';

/** The state of an editable tree. */
export async function treeState(ctx: Context, tree: string): Promise<TreeState> {
  const head = await git(ctx, tree, ['rev-parse', 'HEAD']);
  const known = await git(ctx, tree, ['rev-parse', '--verify', '--quiet', LAID_OUT], { accept: true });
  const status = await git(ctx, tree, ['status', '--porcelain']);
  return {
    commits: Number(await git(ctx, tree, ['rev-list', '--count', `${await baseOf(ctx, tree)}..HEAD`])),
    uncommitted: status.split('\n').filter(Boolean),
    asLaidOut: head === known,
    unfinished: ['rebase-apply', 'rebase-merge', 'MERGE_HEAD'].some((name) => existsSync(path.join(tree, '.git', name))),
  };
}

/** The pristine commit that a tree was laid out on. */
export function baseOf(ctx: Context, tree: string): Promise<string> {
  return git(ctx, tree, ['rev-parse', BASE], {
    failure: `${tree} was not laid out by fork:edit`,
    hint: 'Move it away, then run fork:edit again.',
  });
}

/** Files of a tree that differ from the pristine upstream: committed, not committed, new. */
export async function changedFiles(ctx: Context, tree: string): Promise<string[]> {
  const changed = await git(ctx, tree, ['diff', '--name-only', '--no-renames', await baseOf(ctx, tree)]);
  const added = await git(ctx, tree, ['ls-files', '--others', '--exclude-standard']);
  return [...changed.split('\n'), ...added.split('\n')].filter(Boolean);
}

/** Notes on which base a tree stands, and that all it holds is from there. */
export async function rememberBase(ctx: Context, tree: string, base: string): Promise<void> {
  await git(ctx, tree, ['update-ref', BASE, base]);
  await git(ctx, tree, ['update-ref', LAID_OUT, 'HEAD']);
}

/** True when nothing would be lost if the tree went. */
export function isUntouched({ uncommitted, asLaidOut, unfinished }: TreeState): boolean {
  return asLaidOut && uncommitted.length === 0 && !unfinished;
}

/**
 * Lays out a fork's editable tree: one commit a patch on the pristine upstream. A tree with work in it is left as it is.
 * @returns what was done
 */
export async function editFork(
  ctx: Context,
  fork: Fork,
): Promise<{ tree: string; done: 'laid out' | 'left as it is' | 'up to date'; state: TreeState }> {
  const tree = treeOf(ctx, fork);
  const upstream = await pristine(ctx, fork, await readPin(ctx.paths.inRoot(fork.folder)));
  if (existsSync(tree)) {
    const state = await treeState(ctx, tree);
    if (!isUntouched(state)) return { tree, done: 'left as it is', state };
    if ((await baseOf(ctx, tree)) === upstream.commit && (await reExports(ctx, fork, tree, upstream)))
      return { tree, done: 'up to date', state };
  }
  await layOutTree(ctx, fork, upstream, tree);
  return { tree, done: 'laid out', state: await treeState(ctx, tree) };
}

async function layOutTree(ctx: Context, fork: Fork, upstream: Pristine, tree: string): Promise<void> {
  await replace(tree, async (temporary) => {
    await cloneTree(ctx, upstream, temporary);
    await applySeries(ctx, temporary, await readSeries(patchesOf(ctx, fork)));
    await rememberBase(ctx, temporary, upstream.commit);
  });
}

/** What exporting a tree would change in the fork's patches; nothing when they are the same bytes. */
async function unexportedChanges(ctx: Context, fork: Fork, tree: string, base: string): Promise<string[]> {
  const folder = await makeFolder(ctx.paths.cache, 'export-');
  try {
    await exportSeries(ctx, tree, base, folder);
    const [there, made] = [await patchBytes(patchesOf(ctx, fork)), await patchBytes(folder)];
    const listed = (await readSeries(patchesOf(ctx, fork))).map((file) => path.basename(file));
    const unlisted = [...there.keys()].filter((name) => !listed.includes(name)).map((name) => `${name} is not in the series file`);
    const names = [...new Set([...listed, ...made.keys()])];
    return [
      ...unlisted,
      ...names.flatMap((name) =>
        there.get(name) === made.get(name) ? [] : [`${name} ${made.has(name) ? (there.has(name) ? 'changes' : 'is new') : 'goes'}`],
      ),
    ];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function reExports(ctx: Context, fork: Fork, tree: string, { commit }: Pristine): Promise<boolean> {
  return (await unexportedChanges(ctx, fork, tree, commit)).length === 0;
}

/** Writes a tree's commits back as the fork's series. @throws UsageError when there is no tree, or work that is not committed */
export async function exportFork(ctx: Context, fork: Fork): Promise<{ patches: string[]; changed: string[] }> {
  const tree = treeOf(ctx, fork);
  if (!existsSync(tree)) throw new UsageError(`there is no editable tree of ${fork.name}`, { hint: `npm run fork:edit -- ${fork.name}` });
  const { uncommitted, unfinished } = await treeState(ctx, tree);
  if (unfinished)
    throw new UsageError(`${tree} is in the middle of git am or a rebase`, {
      hint: 'Finish it (git am --continue), or give it up (git am --abort).',
    });
  if (uncommitted.length > 0)
    throw new UsageError(`${tree} holds changes that are not committed`, {
      details: uncommitted.slice(0, 10),
      hint: 'Commit them (git commit --amend, or a new commit for a new patch), or stash them.',
    });
  const base = await baseOf(ctx, tree);
  const changed = await unexportedChanges(ctx, fork, tree, base);
  const patches = await writeSeries(ctx, fork, tree, base);
  await rememberBase(ctx, tree, base);
  return { patches, changed };
}

/** Replaces the fork's patches by a tree's commits. */
export async function writeSeries(ctx: Context, fork: Fork, tree: string, base: string): Promise<string[]> {
  const target = patchesOf(ctx, fork);
  let names: string[] = [];
  await replace(target, async (temporary) => {
    names = await exportSeries(ctx, tree, base, temporary);
    await writeFile(path.join(temporary, 'series'), names.map((name) => `${name}\n`).join(''));
  });
  return names;
}

/** Proves that a fork's series applies to its pin and exports to the same bytes again. @throws ToolkitError that names the differences */
export async function checkFork(ctx: Context, fork: Fork): Promise<{ patches: number; version: string }> {
  const upstream = await pristine(ctx, fork, await readPin(ctx.paths.inRoot(fork.folder)));
  const folder = await makeFolder(ctx.paths.cache, 'check-');
  const tree = path.join(folder, 'tree');
  try {
    await cloneTree(ctx, upstream, tree);
    const series = await readSeries(patchesOf(ctx, fork));
    await applySeries(ctx, tree, series);
    const found = await unexportedChanges(ctx, fork, tree, upstream.commit);
    if (found.length > 0)
      throw new ToolkitError(`the series of ${fork.name} does not export to the same bytes`, {
        details: found,
        hint: `npm run fork:edit -- ${fork.name}, then fork:export, writes it anew.`,
      });
    return { patches: series.length, version: upstream.version };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
