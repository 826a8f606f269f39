import { cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { goEnv, moduleFolder, type Pin, readPin, runGo } from '../build/go.js';
import type { GoSource, Layout } from '../build/go-component.js';
import type { Context } from '../core/context.js';
import { ToolkitError } from '../core/errors.js';
import { readIfThere, replace } from '../core/files.js';

/** A pinned upstream with a patch series. */
export interface Fork {
  readonly name: string;
  /** Folder in the checkout: go.mod, go.sum, patches/. */
  readonly folder: string;
  /** The module at the root of the upstream repository. */
  readonly module: string;
  /** Folder in the upstream repository whose subfolders are modules of their own, named by their path below it. */
  readonly staging?: string;
}

/** The forks, by name. */
export const forks = {
  containerd: { name: 'containerd', folder: 'images/base/containerd', module: 'github.com/containerd/containerd/v2' },
  kind: { name: 'kind', folder: 'kind', module: 'sigs.k8s.io/kind' },
  kubernetes: { name: 'kubernetes', folder: 'kubernetes', module: 'k8s.io/kubernetes', staging: 'staging/src' },
} as const satisfies Record<string, Fork>;

/** A fork as the source of a component: its pin and its patches. */
export function forked(fork: Fork): GoSource {
  return {
    module: fork.module,
    inputs: ['go.mod', 'go.sum', 'patches'].map((name) => `${fork.folder}/${name}`),
    layOut: (ctx) => layOut(ctx, fork),
  };
}

/** Names of the patches of a series file (quilt's format: one name a line, # starts a comment). */
export function parseSeries(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.replace(/#.*$/, '').trim())
    .filter((line) => line !== '');
}

/** Patches of a folder that holds `series`, in order, as absolute paths. */
export async function readSeries(patches: string): Promise<string[]> {
  return parseSeries((await readIfThere(path.join(patches, 'series'))) ?? '').map((name) => path.join(patches, name));
}

/** The files of the upstream repository that a patch changes, as git names them in `diff --git a/… b/…`. */
export function touchedFiles(patch: string): string[] {
  return [...new Set([...patch.matchAll(/^diff --git a\/(.+?) b\/(.+)$/gm)].flatMap((match) => [match[1] ?? '', match[2] ?? '']))];
}

/** The module that a file of the upstream repository belongs to, and the module's folder there. */
export function moduleOf(fork: Fork, file: string): { module: string; prefix: string } {
  if (fork.staging === undefined || !file.startsWith(`${fork.staging}/`)) return { module: fork.module, prefix: '' };
  const [organisation = '', name = ''] = file.slice(fork.staging.length + 1).split('/');
  return { module: `${organisation}/${name}`, prefix: `${fork.staging}/${organisation}/${name}` };
}

/** Applies patches to a tree that is no git repository. @throws ToolkitError that names the patch that does not apply */
export async function applyPatches(ctx: Context, tree: string, patches: readonly string[]): Promise<void> {
  for (const patch of patches) {
    await ctx.runner.run('git', ['apply', '--whitespace=nowarn', patch], {
      cwd: tree,
      // Without a ceiling git would take the tree for a part of the repository around it, and skip the patch without a word.
      env: { GIT_CEILING_DIRECTORIES: path.dirname(tree) },
      failure: `${path.basename(patch)} does not apply`,
      hint: 'The patch and the pin do not fit together: change one of them, or take the patch out of the series file.',
    });
  }
}

/**
 * Lays a fork out for building, under `.cache/src/NAME`: the pin's go.mod, and the modules that the series touches, patched. The
 * others stay in the module cache.
 */
export async function layOut(ctx: Context, fork: Fork): Promise<Layout> {
  const pin = await readPin(ctx.paths.inRoot(fork.folder));
  const patches = await readSeries(path.join(pin.folder, 'patches'));
  if (patches.length === 0) return { pin, folder: pin.folder };
  const touched = await modulesOfSeries(fork, patches);
  const folder = path.join(ctx.paths.src, fork.name);
  await replace(folder, async (temporary) => {
    const tree = path.join(temporary, 'tree');
    await mkdir(tree, { recursive: true });
    // The root module first: its copy must not wipe a staging module inside it.
    for (const [module, prefix] of [...touched].sort(([, a], [, b]) => a.length - b.length)) {
      await copyModule(ctx, await moduleFolder(ctx, pin, module), path.join(tree, prefix));
    }
    await applyPatches(ctx, tree, patches);
    await writeModule(ctx, pin, temporary, touched);
  });
  return { pin, folder };
}

/**
 * Builds from a fork's editable tree instead, where it lies. The layout has the shape of {@link layOut}'s, so that a program in
 * which nothing changed comes out the same to the byte.
 */
export async function layOutTree(ctx: Context, fork: Fork, tree: string, changedFiles: readonly string[]): Promise<Layout> {
  const pin = await readPin(ctx.paths.inRoot(fork.folder));
  const patches = await readSeries(path.join(pin.folder, 'patches'));
  const touched = new Map([...(await modulesOfSeries(fork, patches)), ...touchedModules(fork, changedFiles)]);
  if (touched.size === 0) return { pin, folder: pin.folder };
  const folder = path.join(ctx.paths.src, `${fork.name}-tree`);
  await replace(folder, async (temporary) => {
    await mkdir(temporary, { recursive: true });
    await symlink(tree, path.join(temporary, 'tree'));
    await writeModule(ctx, pin, temporary, touched);
  });
  return { pin, folder };
}

/** The modules that a series touches, and the root module: folder in the upstream repository by module. */
async function modulesOfSeries(fork: Fork, patches: readonly string[]): Promise<Map<string, string>> {
  if (patches.length === 0) return new Map();
  const files = (await Promise.all(patches.map((patch) => readFile(patch, 'utf8')))).flatMap(touchedFiles);
  if (files.length === 0) throw new ToolkitError(`the patches of ${fork.name} change no file`);
  return new Map([[fork.module, ''], ...touchedModules(fork, files)]);
}

function touchedModules(fork: Fork, files: readonly string[]): Map<string, string> {
  return new Map(files.map((file) => moduleOf(fork, file)).map(({ module, prefix }) => [module, prefix]));
}

/** Writes a module into a folder: the pin's requirements, with some replaced by folders below `tree` beside it. */
async function writeModule(ctx: Context, pin: Pin, folder: string, touched: ReadonlyMap<string, string>): Promise<void> {
  for (const name of ['go.mod', 'go.sum']) await writeFile(path.join(folder, name), await readFile(path.join(pin.folder, name)));
  // Relative: an absolute path would end up in the programs.
  const edits = [...touched].map(([module, prefix]) => `-replace=${module}=./${path.posix.join('tree', prefix)}`);
  await runGo(ctx, ['mod', 'edit', ...edits, path.join(folder, 'go.mod')], { env: goEnv(pin.toolchain) });
}

async function copyModule(ctx: Context, from: string, to: string): Promise<void> {
  await mkdir(path.dirname(to), { recursive: true });
  await cp(from, to, { recursive: true, verbatimSymlinks: true });
  // The module cache is read-only, and so is a copy of it.
  await ctx.runner.run('chmod', ['-R', 'u+w', to]);
}
