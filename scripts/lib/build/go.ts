import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import semver from 'semver';
import type { Context } from '../core/context.js';
import { ToolkitError } from '../core/errors.js';
import type { JsonObject } from '../core/json.js';
import type { RunOptions } from '../core/runner.js';
import { compilersFor, thisMachine } from '../engine/machine.js';
import { BuildProgress, isPackage, type Packages, type Tell } from './go-progress.js';

/** The oldest Go that can fetch the pinned toolchains by itself (https://go.dev/doc/toolchain). */
export const oldestGo = '1.21.0';

/** What a pin's go.mod says. */
export interface Pin {
  /** Folder with go.mod and go.sum, absolute. */
  readonly folder: string;
  /** e.g. `go1.23.6`; from the `toolchain` line. */
  readonly toolchain: string;
  /** Version of each module required directly or not, by path. */
  readonly requires: ReadonlyMap<string, string>;
  /** Version that a module is replaced by, by path. */
  readonly replaces: ReadonlyMap<string, string>;
}

/** Reads a pin. @throws ToolkitError when it has no toolchain line */
export async function readPin(folder: string): Promise<Pin> {
  const text = await readFile(path.join(folder, 'go.mod'), 'utf8');
  const toolchain = /^toolchain\s+(\S+)/m.exec(text)?.[1];
  if (toolchain === undefined)
    throw new ToolkitError(`${folder}/go.mod pins no toolchain`, { hint: 'Add a line such as: toolchain go1.23.6' });
  const requires = new Map<string, string>();
  const replaces = new Map<string, string>();
  let block = '';
  for (const line of text.split('\n').map((raw) => raw.replace(/\/\/.*$/, '').trim())) {
    if (line === ')') block = '';
    const opened = /^(\w+) ?\($/.exec(line)?.[1];
    if (opened !== undefined) block = opened;
    const directive = block === '' ? line : `${block} ${line}`;
    const replaced = /^replace (\S+)(?: v\S+)? => (\S+) (v\S+)$/.exec(directive);
    if (replaced?.[1] !== undefined && replaced[3] !== undefined) replaces.set(replaced[1], replaced[3]);
    const required = /^require (\S+) (v\d\S*)$/.exec(directive);
    if (required?.[1] !== undefined && required[2] !== undefined) requires.set(required[1], required[2]);
  }
  return { folder, toolchain, requires, replaces };
}

/** The version of a module that a pin stands for. @throws ToolkitError when the pin does not require it */
export function pinnedVersion(pin: Pin, module: string): string {
  const version = pin.replaces.get(module) ?? pin.requires.get(module);
  if (version === undefined) throw new ToolkitError(`${pin.folder}/go.mod does not require ${module}`);
  return version;
}

/** The Go command to use: the one on PATH when it is new enough, else the one that the toolkit installed. */
export async function goCommand(ctx: Context): Promise<string | undefined> {
  const own = path.join(ctx.paths.cache, 'go', 'bin', 'go');
  const { stdout, exitCode } = await ctx.runner
    .run('go', ['env', 'GOVERSION'], { accept: true, onLine: undefined, env: { GOTOOLCHAIN: 'local' } })
    .catch(() => ({ stdout: '', exitCode: 1 }));
  const version = semver.coerce(stdout);
  if (exitCode === 0 && version !== null && semver.gte(version, oldestGo)) return 'go';
  return existsSync(own) ? own : undefined;
}

/** How programs are built: all that decides their bytes beside the sources, the toolchain and, with cgo, this system. */
export interface GoRecipe {
  /** Package path by name of the program. */
  readonly programs: Readonly<Record<string, string>>;
  /** Further flags of go build. */
  readonly flags?: readonly string[];
  readonly tags?: readonly string[];
  /** Further flags for the linker. */
  readonly ldflags?: readonly string[];
  readonly cgo?: boolean;
  /** Further variables of the environment. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface GoBuild extends GoRecipe {
  readonly pin: Pin;
  /** Build here instead of in the pin's folder: a fork that is laid out, a checkout of one's own. */
  readonly cwd?: string | undefined;
  /** Folder for the programs, absolute; they are put there together when all are built. */
  readonly folder: string;
  /** Build right into the folder: go then leaves alone what is up to date. For folders that nothing else trusts. */
  readonly inPlace?: boolean;
}

/** What holds for every build. Paths of this machine are trimmed and symbols stripped, so that two machines build the same bytes. */
const EVERY_BUILD = { flags: ['-trimpath'], ldflags: ['-s', '-w'], env: { GOFLAGS: '-buildvcs=false', GOWORK: 'off' } } as const;

/** A recipe with what holds for every build: as it is followed, and as parts of a step's key. */
export function wholeRecipe({ programs, flags = [], tags = [], ldflags = [], cgo = false, env = {} }: GoRecipe) {
  return {
    programs,
    flags: [...EVERY_BUILD.flags, ...flags],
    tags,
    ldflags: [...EVERY_BUILD.ldflags, ...ldflags],
    cgo,
    env: { ...EVERY_BUILD.env, ...env },
  } satisfies Required<GoRecipe> & JsonObject;
}

/** Environment for the Go command with a pinned toolchain. The user's GOPROXY, GOSUMDB and caches hold. */
export function goEnv(toolchain: string, cgo = false): Record<string, string> {
  return { GOTOOLCHAIN: toolchain, ...EVERY_BUILD.env, CGO_ENABLED: cgo ? '1' : '0' };
}

/** Runs the Go command. @throws ToolkitError when there is no Go */
export async function runGo(ctx: Context, args: readonly string[], options: RunOptions): Promise<string> {
  const go = await goCommand(ctx);
  if (go === undefined) throw new ToolkitError(`Go ${oldestGo} or newer was not found`, { hint: 'npm run setup installs one.' });
  return (await ctx.runner.run(go, args, options)).stdout;
}

/** Builds programs from a pin, all in one call so that their compiling and linking overlap. Other programs in the folder stay. */
export async function goBuild(
  ctx: Context & { readonly progress?: Tell },
  { pin, cwd = pin.folder, folder, inPlace = false, ...recipe }: GoBuild,
): Promise<void> {
  const { programs, flags, tags, ldflags, cgo, env } = wholeRecipe(recipe);
  // Named after the programs: two builds into one folder may be at work at the same time.
  const temporary = inPlace ? folder : path.join(ctx.paths.tmp, `go-${path.basename(folder)}-${Object.keys(programs).join('-')}`);
  if (!inPlace) await rm(temporary, { recursive: true, force: true });
  await mkdir(temporary, { recursive: true });
  // What decides which packages there are and whether they are in the build cache: flags alone.
  const common = [...flags, ...(tags.length === 0 ? [] : [`-tags=${tags.join(',')}`])];
  const where = { cwd, env: { ...goEnv(pin.toolchain, cgo), ...env } };
  const build = (output: string, packages: readonly string[], options: RunOptions = {}): Promise<string> =>
    runGo(
      ctx,
      [
        'build',
        ...(options.onEachLine === undefined ? [] : ['-v']),
        ...parallelism(),
        ...common,
        `-ldflags=${ldflags.join(' ')}`,
        '-o',
        output,
        ...packages,
      ],
      {
        ...where,
        failure: `${Object.keys(programs).join(', ')}: go build failed`,
        hint: 'When modules could not be fetched: check the network and GOPROXY (go env GOPROXY).',
        ...options,
      },
    );
  // Go names a program after its package; where that is not the name wanted, the program is built by itself.
  const together = Object.entries(programs).filter(([name, program]) => path.basename(program) === name);
  const alone = Object.entries(programs).filter(([name, program]) => path.basename(program) !== name);
  const builds = [
    ...(together.length > 0 ? [{ output: `${temporary}/`, packages: together.map(([, program]) => program) }] : []),
    ...alone.map(([name, program]) => ({ output: path.join(temporary, name), packages: [program] })),
  ];
  const { progress } = ctx;
  for (const [index, { output, packages }] of builds.entries()) {
    if (progress === undefined) await build(output, packages);
    else {
      const tell: Tell = (fraction, detail) => progress((index + fraction) / builds.length, detail);
      const follow = new BuildProgress(tell, packages.length, () => packagesOf(ctx, common, packages, where));
      await follow.during(ctx.clock, (onEachLine) => build(output, packages, { onEachLine, isProgress: isPackage }));
    }
  }
  if (inPlace) return;
  await mkdir(folder, { recursive: true });
  for (const name of Object.keys(programs)) await rename(path.join(temporary, name), path.join(folder, name));
  await rm(temporary, { recursive: true, force: true });
}

/** The packages that programs are made of with these flags, and which of them a build would have to compile. */
async function packagesOf(
  ctx: Context,
  flags: readonly string[],
  programs: readonly string[],
  where: Pick<RunOptions, 'cwd' | 'env'>,
): Promise<Packages> {
  const list = ['list', '-deps', ...flags, '-f', '{{.ImportPath}}{{if .Stale}} stale{{end}}', ...programs];
  const lines = (await runGo(ctx, list, { ...where, onLine: undefined, log: undefined })).split('\n').filter(Boolean);
  const packages = lines.map((line) => line.split(' '));
  return {
    all: packages.map(([name = '']) => name),
    // A program that is only to be linked is called stale, too.
    stale: packages.flatMap(([name = '', stale]) => (stale === undefined || programs.includes(name) ? [] : [name])),
  };
}

/** Flags for a machine whose memory does not hold as many compilers as it has cores; by default Go starts one a core. */
function parallelism(machine = thisMachine()): string[] {
  const compilers = compilersFor(machine);
  return compilers < machine.cores ? [`-p=${compilers}`] : [];
}

/** Folder of a module in the module cache, downloaded and verified against the pin's go.sum. */
export async function moduleFolder(ctx: Context, pin: Pin, module: string): Promise<string> {
  await runGo(ctx, ['mod', 'download', `${module}@${pinnedVersion(pin, module)}`], {
    cwd: pin.folder,
    env: goEnv(pin.toolchain),
    failure: `${module} could not be fetched`,
  });
  const folder = await runGo(ctx, ['list', '-m', '-f', '{{.Dir}}', module], { cwd: pin.folder, env: goEnv(pin.toolchain) });
  if (folder === '') throw new ToolkitError(`${module} is not in the module cache after its download`);
  return folder;
}
