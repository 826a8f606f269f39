import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { dockerImage } from '../lib/build/docker-image.js';
import { moduleFolder, pinnedVersion, readPin } from '../lib/build/go.js';
import type { Tell } from '../lib/build/go-progress.js';
import { type ArchiveImage, writeImageArchive } from '../lib/build/image-archive.js';
import { followPhases, type Phase } from '../lib/build/phases.js';
import { packTar, wrapInGzip } from '../lib/build/tar.js';
import { runKind } from '../lib/cluster/kind.js';
import type { Context, Options } from '../lib/core/context.js';
import { ToolkitError } from '../lib/core/errors.js';
import { linkOrCopy, replace } from '../lib/core/files.js';
import { once } from '../lib/core/once.js';
import { nodeImageNames } from '../lib/core/options.js';
import { type Step, type StepContext, step } from '../lib/engine/step.js';
import { forks } from '../lib/forks/fork.js';
import { kubernetesPrograms, kubernetesVersion } from '../lib/forks/kubernetes.js';
import { baseImageOf, variantOf } from './base-image.js';
import { containerdOf } from './containerd.js';
import { coredns } from './coredns.js';
import { etcd } from './etcd.js';
import { kind } from './kind.js';
import { kubernetes, kubernetesFolder } from './kubernetes.js';
import { localPathProvisioner } from './local-path-provisioner.js';
import { networkTools, networkToolsTar } from './network-tools.js';
import { pause } from './pause.js';
import { busybox } from './root-filesystem.js';

/** Part of the time that goes into packing the release for kind; the images beside it take a little more. */
const PACKED = 0.45;

/** An image of programs that were built. */
interface ExtraImage {
  /** As kubeadm or kind ask for it, between registry and version. */
  readonly name: string;
  /** The version that it must be asked for, without its v; any where there is none. */
  readonly version?: (ctx: Context) => Promise<string>;
  /** Path below `.cache/build` by path in the image. */
  readonly files: Readonly<Record<string, string>>;
  readonly entrypoint?: readonly string[];
}

/** The version that a component is pinned to. @param folder of the pin, in the checkout */
const pin =
  (folder: string, module: string) =>
  async (ctx: Context): Promise<string> =>
    pinnedVersion(await readPin(ctx.paths.inRoot(folder)), module).replace(/^v/, '');

const EXTRA_IMAGES: readonly ExtraImage[] = [
  {
    name: 'etcd',
    version: pin('images/node/etcd', 'go.etcd.io/etcd/server/v3'),
    files: { 'usr/local/bin/etcd': 'etcd/etcd', 'usr/local/bin/etcdctl': 'etcd/etcdctl' },
  },
  {
    name: 'coredns',
    version: pin('images/node/coredns', 'github.com/coredns/coredns'),
    files: { coredns: 'coredns/coredns' },
    entrypoint: ['/coredns'],
  },
  {
    name: 'pause',
    version: async ({ paths }) => (await readFile(path.join(paths.build, 'pause.version'), 'utf8')).trim(),
    files: { pause: 'pause' },
    entrypoint: ['/pause'],
  },
  {
    name: 'local-path-provisioner',
    files: { 'usr/local/bin/local-path-provisioner': 'local-path-provisioner/local-path-provisioner' },
    entrypoint: ['local-path-provisioner'],
  },
  { name: 'local-path-helper', files: Object.fromEntries(['sh', 'mkdir', 'rm'].map((tool) => [`bin/${tool}`, 'busybox'])) },
];

/** The name is that in images/base/files/kind/manifests/default-cni.yaml. */
const POD_NETWORK = { name: 'docker.io/kindest/pod-network:checkpoint', script: 'pod-network.sh' };

/** What kind prints, and when. */
const kindPhases: readonly Phase[] = [
  { line: /^Extracting /, name: 'unpacking Kubernetes', behind: 0.5 },
  { line: /^Building in container/, name: 'loading images into the node', behind: 0.65 },
];

/**
 * The image of the nodes: the base image, Kubernetes, and every image that a cluster needs, so that no registry is asked.
 * @param folder of containerd's pin, in the checkout
 */
export const nodeImageOf = once((folder: string): Step => {
  const variant = variantOf(containerdOf(folder));
  return step({
    id: variant === undefined ? 'node-image' : `node-image-${variant}`,
    title: variant === undefined ? 'node image' : `node image with ${variant}`,
    seconds: 25,
    uses: ['docker'],
    needs: [baseImageOf(folder), kind, kubernetes, etcd, coredns, pause, localPathProvisioner, networkTools, busybox],
    inputs: ['images/pod-network'],
    options: ({ options }) => ({
      instance: options.instance,
      programs: kubernetesPrograms,
      images: EXTRA_IMAGES.map(({ name, files, entrypoint = [] }) => ({ name, files, entrypoint })),
      podNetwork: POD_NETWORK,
    }),
    produces: ({ options }) => [dockerImage(nodeImageNames(options, variant).node)],
    run: (ctx) => build(ctx, nodeImageNames(ctx.options, variant)),
  });
});

/** Names of the images of the nodes with this containerd. @param folder of its pin, in the checkout */
export function nodeImageNamesOf(options: Pick<Options, 'instance'>, folder: string): ReturnType<typeof nodeImageNames> {
  return nodeImageNames(options, variantOf(containerdOf(folder)));
}

/** The image of the nodes with the containerd that is patched. */
export const nodeImage = nodeImageOf(forks.containerd.folder);

async function build(ctx: StepContext, { base, node }: { readonly base: string; readonly node: string }): Promise<void> {
  const work = path.join(ctx.paths.tmp, 'node-image');
  await mkdir(work, { recursive: true });
  try {
    const release = path.join(work, 'kubernetes-server-linux-amd64.tar.gz');
    const extra = path.join(work, 'extra-images.tar');
    ctx.status('packing Kubernetes');
    await writeRelease(ctx, path.join(work, 'release'), release, (fraction, detail) => ctx.progress(fraction * PACKED, detail));
    ctx.status('packing images');
    await writeImageArchive(ctx, await extraImages(ctx), extra);
    const command = ['build', 'node-image', '--type', 'file', release, '--base-image', base, '--image', node];
    await runKind(ctx, [...command, '--extra-image-archive', extra, '--no-pull'], {
      failure: 'kind could not build the node image',
      env: { TMPDIR: work },
      onEachLine: followPhases(ctx.progress, kindPhases),
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Packs Kubernetes as its releases are packed: programs of the node, and images of the others. */
async function writeRelease(ctx: StepContext, work: string, target: string, tell: Tell): Promise<void> {
  const version = await kubernetesVersion(ctx);
  const server = path.join(work, 'kubernetes', 'server', 'bin');
  const built = (name: string): string => path.join(kubernetesFolder(ctx.paths.build), name);
  await mkdir(server, { recursive: true });
  await writeFile(path.join(work, 'kubernetes', 'version'), `${version}\n`);
  for (const name of kubernetesPrograms.node) await linkOrCopy(built(name), path.join(server, name));
  for (const name of kubernetesPrograms.images) {
    const image: ArchiveImage = {
      name: `registry.k8s.io/${name}:${version.replaceAll('+', '_')}`,
      // Only kube-proxy calls other programs.
      layers: name === 'kube-proxy' ? [networkToolsTar(ctx.paths.build)] : [],
      files: { [`usr/local/bin/${name}`]: built(name) },
    };
    await writeImageArchive(ctx, [image], path.join(server, `${name}.tar`));
  }
  const plain = `${work}.tar`;
  await packTar(ctx, plain, work, ['kubernetes'], tell);
  await replace(target, (temporary) => wrapInGzip(plain, temporary));
  await rm(plain);
}

/** The images beside Kubernetes' own, under the names that kubeadm and kind ask for. */
async function extraImages(ctx: Context): Promise<ArchiveImage[]> {
  const { build } = ctx.paths;
  const wanted = await wantedImages(ctx);
  const asked = EXTRA_IMAGES.map(
    async ({ name, version, files, entrypoint }): Promise<ArchiveImage> => ({
      name: wantedName(wanted, name, await version?.(ctx)),
      files: Object.fromEntries(Object.entries(files).map(([target, source]) => [target, path.join(build, source)])),
      ...(entrypoint === undefined ? {} : { entrypoint }),
    }),
  );
  return [
    ...(await Promise.all(asked)),
    {
      name: POD_NETWORK.name,
      layers: [networkToolsTar(build)],
      files: { [POD_NETWORK.script]: ctx.paths.inRoot('images', 'pod-network', POD_NETWORK.script) },
      entrypoint: [`/${POD_NETWORK.script}`],
    },
  ];
}

/** The image of this name that is asked for. @throws ToolkitError when there is none, or one of another version */
function wantedName(wanted: readonly string[], name: string, version = ''): string {
  const found = wanted.find((image) => image.includes(`/${name}:`));
  if (found === undefined) throw new ToolkitError(`nobody asks for an image of ${name}`, { details: wanted });
  if (!found.includes(`:${version}`) && !found.includes(`:v${version}`)) {
    throw new ToolkitError(`Kubernetes asks for ${found}, and the pin of ${name} is ${version}`, {
      hint: `Move the pin in images/node/${name}/go.mod.`,
    });
  }
  return found;
}

/** Image names that kubeadm (for its version) and kind's storage manifest ask for. */
async function wantedImages(ctx: Context): Promise<string[]> {
  const version = await kubernetesVersion(ctx);
  const { stdout } = await ctx.runner.run(
    path.join(kubernetesFolder(ctx.paths.build), 'kubeadm'),
    ['config', 'images', 'list', '--kubernetes-version', version],
    {
      failure: 'kubeadm does not tell which images it needs',
    },
  );
  const pin = await readPin(ctx.paths.inRoot(forks.kind.folder));
  const storage = await readFile(
    path.join(await moduleFolder(ctx, pin, forks.kind.module), 'pkg', 'build', 'nodeimage', 'const_storage.go'),
    'utf8',
  );
  return [
    ...stdout.split('\n').filter((line) => line.includes('/')),
    ...[...storage.matchAll(/"(docker\.io\/kindest\/local-path[^"]+)"/g)].map((match) => match[1] ?? ''),
  ];
}
