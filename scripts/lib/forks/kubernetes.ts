import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import semver from 'semver';
import { type GoBuild, type GoRecipe, pinnedVersion, readPin } from '../build/go.js';
import type { Layout } from '../build/go-component.js';
import type { Context } from '../core/context.js';
import { ToolkitError, UsageError } from '../core/errors.js';
import { readIfThere } from '../core/files.js';
import { hashTree, sha256 } from '../core/hash.js';
import { forks, layOut, layOutTree } from './fork.js';
import { changedFiles } from './tree.js';

const { folder, module } = forks.kubernetes;

/** The programs of Kubernetes that a cluster needs, by where they run. */
export const kubernetesPrograms = {
  node: ['kubeadm', 'kubelet', 'kubectl'],
  images: ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kube-proxy'],
} as const;

/** A program of Kubernetes. */
export type KubernetesProgram = (typeof kubernetesPrograms)['node' | 'images'][number];

export const allKubernetesPrograms: readonly KubernetesProgram[] = [...kubernetesPrograms.node, ...kubernetesPrograms.images];

/** The version that the programs report. A pinned one says that it is this fork; build metadata does not change its precedence. */
export async function kubernetesVersion(ctx: Context): Promise<string> {
  const checkout = ctx.options.kubernetes;
  if (checkout === undefined) return `${pinnedVersion(await readPin(ctx.paths.inRoot(folder)), module)}+checkpoint`;
  const { stdout, exitCode } = await ctx.runner.run('git', ['describe', '--tags', '--match=v*', '--abbrev=14', 'HEAD'], {
    cwd: checkout,
    accept: true,
  });
  const version = exitCode === 0 ? describedVersion(stdout) : undefined;
  if (version !== undefined) return version;
  const named = ctx.env['KUBE_GIT_VERSION'];
  if (named !== undefined && semver.valid(named) !== null) return named;
  throw new UsageError(`${checkout} does not tell its version`, {
    hint: 'Fetch its tags (git fetch --tags), or name the version: KUBE_GIT_VERSION=v1.32.2-mine',
  });
}

/** A semantic version out of `git describe`: v1.32.2-5-g0123abc is v1.32.2-5+0123abc, as Kubernetes' own build has it. */
export function describedVersion(described: string): string | undefined {
  const version = described
    .trim()
    .replace(
      /-(\d+)-g([0-9a-f]+)$/,
      (_, commits: string, hash: string) => `${described.split('-').length > 3 ? '.' : '-'}${commits}+${hash}`,
    );
  return semver.valid(version) === null ? undefined : version;
}

/** Flags for the linker that set the version (k8s.io/component-base/version/base.go). */
export function versionFlags(version: string): string[] {
  const parsed = semver.parse(version);
  if (parsed === null) throw new ToolkitError(`${version} is not a semantic version`);
  const values = {
    gitVersion: version,
    gitMajor: String(parsed.major),
    gitMinor: String(parsed.minor),
    gitTreeState: 'clean',
  };
  return ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version'].flatMap((target) =>
    Object.entries(values).map(([name, value]) => `-X ${target}.${name}=${value}`),
  );
}

/** Where programs of Kubernetes are built from. */
export type KubernetesSource =
  | { readonly kind: 'pin' }
  | { readonly kind: 'tree'; readonly tree: string }
  | { readonly kind: 'checkout'; readonly checkout: string };

/** How programs of Kubernetes are built, wherever their source lies. */
export async function kubernetesRecipe(
  ctx: Context,
  { kind }: Pick<KubernetesSource, 'kind'>,
  programs: readonly KubernetesProgram[],
): Promise<GoRecipe> {
  const prefix = kind === 'checkout' ? '.' : module;
  return {
    programs: Object.fromEntries(programs.map((name) => [name, `${prefix}/cmd/${name}`])),
    ldflags: versionFlags(await kubernetesVersion(ctx)),
    // A checkout holds its own workspace of staging modules.
    env: kind === 'checkout' ? { GOWORK: '' } : {},
  };
}

/** How to build programs of Kubernetes into a folder. */
export async function kubernetesBuild(
  ctx: Context,
  source: KubernetesSource,
  programs: readonly KubernetesProgram[],
  target: string,
): Promise<GoBuild> {
  const { pin, folder: cwd } = await layOutSource(ctx, source);
  return { ...(await kubernetesRecipe(ctx, source, programs)), pin, cwd, folder: target };
}

async function layOutSource(ctx: Context, source: KubernetesSource): Promise<Layout> {
  const fork = forks.kubernetes;
  if (source.kind === 'pin') return await layOut(ctx, fork);
  if (source.kind === 'tree') return await layOutTree(ctx, fork, source.tree, await changedFiles(ctx, source.tree));
  const pin = await readPin(ctx.paths.inRoot(folder));
  const own = (await readIfThere(path.join(source.checkout, '.go-version')))?.trim();
  return { pin: { ...pin, toolchain: own === undefined ? pin.toolchain : `go${own}` }, folder: source.checkout };
}

/** The source that the options name: a checkout of one's own, or the pin and its patches. */
export function chosenSource({ options }: Pick<Context, 'options'>): KubernetesSource {
  return options.kubernetes === undefined ? { kind: 'pin' } : { kind: 'checkout', checkout: options.kubernetes };
}

/** Tells the state of a checkout, its uncommitted changes included. @throws UsageError when it is no Kubernetes checkout */
export async function checkoutState(ctx: Context, checkout: string): Promise<string> {
  if (
    !existsSync(path.join(checkout, 'cmd', 'kubelet')) ||
    !/^module k8s\.io\/kubernetes$/m.test(await readFile(path.join(checkout, 'go.mod'), 'utf8').catch(() => ''))
  ) {
    throw new UsageError(`${checkout} is not a Kubernetes checkout`, {
      details: ['It should hold go.mod of k8s.io/kubernetes and cmd/kubelet.'],
      hint: 'git clone https://github.com/kubernetes/kubernetes',
    });
  }
  const git = async (...args: string[]): Promise<string> =>
    (await ctx.runner.run('git', args, { cwd: checkout, failure: `${checkout} is no git checkout` })).stdout;
  const changes = await git('diff', 'HEAD', '--binary');
  const untracked = (await git('ls-files', '--others', '--exclude-standard', '-z')).split('\0').filter(Boolean).sort();
  const contents = untracked.map((name) => `${name} ${hashTree(path.join(checkout, name))}`);
  return sha256([await git('rev-parse', 'HEAD'), changes, ...contents].join('\n'));
}
