import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import * as z from 'zod';
import { goEnv, type Pin, pinnedVersion, runGo } from '../build/go.js';
import type { Context } from '../core/context.js';
import { ToolkitError } from '../core/errors.js';
import { replace } from '../core/files.js';
import { git } from '../core/git.js';
import type { Fork } from './fork.js';

/** A fixed time: the same pin gives the same commit on every machine. */
const DATE = '2000-01-01T00:00:00Z';

/** The pinned upstream as a git commit: its modules at their places in the upstream repository. */
export interface Pristine {
  /** A git repository of its own in the cache; trees are cloned from it. */
  readonly repository: string;
  readonly commit: string;
  readonly version: string;
}

/**
 * The modules of a fork and their folders in the upstream repository, root first. Staging modules that nothing is built from (samples,
 * generators) are left out: the pin's go.sum does not vouch for them.
 */
export async function modulesOf(fork: Fork, pin: Pin): Promise<Array<{ module: string; prefix: string }>> {
  const { staging } = fork;
  const sums = (await readFile(path.join(pin.folder, 'go.sum'), 'utf8')).split('\n');
  const vouchedFor = (module: string): boolean => sums.some((line) => line.startsWith(`${module} ${pinnedVersion(pin, module)} h1:`));
  const staged =
    staging === undefined
      ? []
      : [...pin.replaces.keys()]
          .filter(vouchedFor)
          .sort()
          .map((module) => ({ module, prefix: `${staging}/${module}` }));
  return [{ module: fork.module, prefix: '' }, ...staged];
}

/**
 * Makes the pinned upstream a git commit, straight from the module cache: no file is copied. Kept, so that the next call is quick.
 * The modules lack what their zip files leave out: vendored dependencies, and the modes of scripts.
 */
export async function pristine(ctx: Context, fork: Fork, pin: Pin): Promise<Pristine> {
  const version = pinnedVersion(pin, fork.module);
  const repository = path.join(ctx.paths.cache, 'forks', `${fork.name}.git`);
  const ref = `refs/heads/pristine-${version}`;
  if (existsSync(repository)) {
    const known = await git(ctx, repository, ['--git-dir', repository, 'rev-parse', '--verify', '--quiet', ref], { accept: true });
    if (known !== '') return { repository, commit: known, version };
  } else {
    await replace(repository, async (temporary) => {
      await git(ctx, ctx.paths.root, ['init', '--quiet', '--bare', temporary]);
      // Quick rather than small: most of it lives for minutes only.
      const settings = { 'core.bare': 'false', 'core.looseCompression': '0', 'core.autocrlf': 'false' };
      for (const [name, value] of Object.entries(settings)) await git(ctx, temporary, ['--git-dir', temporary, 'config', name, value]);
    });
  }

  const modules = await modulesOf(fork, pin);
  const folders = await moduleFolders(
    ctx,
    pin,
    modules.map(({ module }) => module),
  );
  const index = path.join(repository, 'index.pristine');
  const inIndex = (file: string, worktree: string, ...args: string[]): Promise<string> =>
    git(ctx, worktree, ['--git-dir', repository, '--work-tree', worktree, ...args], { env: { GIT_INDEX_FILE: file } });
  await rm(index, { force: true });
  for (const { module, prefix } of modules) {
    const folder = folders.get(module) ?? '';
    const own = `${index}.module`;
    await rm(own, { force: true });
    await inIndex(own, folder, 'add', '--all', '--force', '.');
    const tree = await inIndex(own, folder, 'write-tree');
    await rm(own, { force: true });
    await inIndex(index, folder, 'read-tree', ...(prefix === '' ? [] : [`--prefix=${prefix}/`]), tree);
  }
  const tree = await inIndex(index, repository, 'write-tree');
  await rm(index, { force: true });
  const commit = await git(ctx, repository, ['--git-dir', repository, 'commit-tree', tree, '-m', `${fork.module} ${version}, as pinned`], {
    env: { GIT_AUTHOR_DATE: DATE, GIT_COMMITTER_DATE: DATE },
  });
  await git(ctx, repository, ['--git-dir', repository, 'update-ref', ref, commit]);
  return { repository, commit, version };
}

const downloaded = z.object({ Path: z.string(), Dir: z.string() });

/** Folders of modules in the module cache, downloaded in one go and verified. */
async function moduleFolders(ctx: Context, pin: Pin, modules: readonly string[]): Promise<Map<string, string>> {
  const wanted = modules.map((module) => `${module}@${pinnedVersion(pin, module)}`);
  const output = await runGo(ctx, ['mod', 'download', '-json', ...wanted], {
    cwd: pin.folder,
    env: goEnv(pin.toolchain),
    failure: 'modules could not be fetched',
  });
  // One JSON object after another.
  const rows = output.split(/\n(?=\{)/).map((text) => downloaded.parse(JSON.parse(text)));
  const folders = new Map(rows.map(({ Path, Dir }) => [Path, Dir]));
  for (const module of modules) if (!folders.has(module)) throw new ToolkitError(`${module} is not in the module cache after its download`);
  return folders;
}

/** Clones the pristine commit into a folder, on a branch `series`; objects are shared by hard links, and stay when the cache goes. */
export async function cloneTree(ctx: Context, { repository, commit, version }: Pristine, target: string): Promise<void> {
  await git(ctx, path.dirname(target), ['clone', '--quiet', '--local', '--no-checkout', repository, target]);
  await git(ctx, target, ['remote', 'remove', 'origin']);
  await git(ctx, target, ['checkout', '--quiet', '-B', 'series', commit]);
  // What `git describe` finds, and the tree's own version with it.
  await git(ctx, target, ['tag', '--force', version, commit]);
}

/** Applies a series as commits. @throws CommandError that names the patch; the tree is left where it stopped */
export async function applySeries(ctx: Context, tree: string, patches: readonly string[]): Promise<void> {
  if (patches.length === 0) return;
  await git(ctx, tree, ['am', '--quiet', '--3way', '--committer-date-is-author-date', ...patches], {
    failure: 'the series does not apply',
    hint: `Resolve it in ${tree}: mend the files, git add them, git am --continue.`,
  });
}

/** Writes the commits since a base as patches: one file each and `series`. @returns the names */
export async function exportSeries(ctx: Context, tree: string, base: string, target: string): Promise<string[]> {
  await mkdir(target, { recursive: true });
  await git(ctx, tree, [
    'format-patch',
    '--quiet',
    '--zero-commit',
    '--no-signature',
    '--no-numbered',
    '--full-index',
    '-U1',
    '--output-directory',
    target,
    `${base}..HEAD`,
  ]);
  return (await readdir(target)).filter((name) => name.endsWith('.patch')).sort();
}

/** The files of a folder of patches, by name: what must be the same when a series is exported again. */
export async function patchBytes(folder: string): Promise<Map<string, string>> {
  const names = existsSync(folder) ? (await readdir(folder)).filter((name) => name.endsWith('.patch')).sort() : [];
  return new Map(await Promise.all(names.map(async (name) => [name, await readFile(path.join(folder, name), 'utf8')] as const)));
}
