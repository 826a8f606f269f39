import { mkdir, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Context } from '../core/context.js';
import { linkOrCopy, replace } from '../core/files.js';
import { sha256, sha256OfFile } from '../core/hash.js';
import { packTar } from './tar.js';

/** An image to be written as a docker archive, without asking an engine. */
export interface ArchiveImage {
  /** Name with its tag. */
  readonly name: string;
  /** Layers that exist as tar files already, lowest first. */
  readonly layers?: readonly string[];
  /** Source file by path in the image: one more layer, on top. */
  readonly files: Readonly<Record<string, string>>;
  readonly entrypoint?: readonly string[];
}

/** A fixed time, so that the same content gives the same digests. */
const EPOCH = new Date(0);
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * Writes images into one docker archive (https://github.com/moby/docker-image-spec: manifest.json, a configuration and layer.tar
 * files), which `docker load`, `ctr images import` and kind take.
 */
export async function writeImageArchive(
  ctx: Pick<Context, 'paths' | 'runner'>,
  images: readonly ArchiveImage[],
  target: string,
): Promise<void> {
  await replace(target, async (temporary) => {
    const work = path.join(ctx.paths.tmp, path.basename(temporary));
    await mkdir(work, { recursive: true });
    try {
      const manifest = [];
      for (const [index, image] of images.entries()) manifest.push(await layInto(ctx, work, image, path.join(work, `rootfs-${index}`)));
      await writeFile(path.join(work, 'manifest.json'), JSON.stringify(manifest));
      const members = ['manifest.json', ...new Set(manifest.flatMap(({ Config, Layers }) => [Config, ...Layers]))];
      await packTar(ctx, temporary, work, members);
    } finally {
      await rm(work, { recursive: true, force: true });
    }
  });
}

async function layInto(
  ctx: Pick<Context, 'runner'>,
  work: string,
  image: ArchiveImage,
  rootfs: string,
): Promise<{ Config: string; RepoTags: string[]; Layers: string[] }> {
  await mkdir(rootfs, { recursive: true });
  for (const [name, source] of Object.entries(image.files)) {
    const target = path.join(rootfs, name);
    await mkdir(path.dirname(target), { recursive: true });
    await linkOrCopy(source, target);
  }
  const top = path.join(work, 'top.tar');
  await packTar(ctx, top, rootfs, ['.']);
  const digests: string[] = [];
  for (const layer of [...(image.layers ?? []), top]) {
    const digest = await sha256OfFile(layer);
    const member = path.join(work, digest, 'layer.tar');
    await mkdir(path.dirname(member), { recursive: true });
    if ((await stat(member).catch(() => undefined)) === undefined) await linkOrCopy(layer, member);
    digests.push(digest);
  }
  await rm(top);
  const config = JSON.stringify({
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    os: 'linux',
    created: EPOCH.toISOString(),
    config: { Env: [`PATH=${PATH}`], ...(image.entrypoint === undefined ? {} : { Entrypoint: image.entrypoint }) },
    rootfs: { type: 'layers', diff_ids: digests.map((digest) => `sha256:${digest}`) },
    history: digests.map(() => ({ created: EPOCH.toISOString(), created_by: 'kind-checkpoint' })),
  });
  const configName = `${sha256(config)}.json`;
  await writeFile(path.join(work, configName), config);
  return { Config: configName, RepoTags: [image.name], Layers: digests.map((digest) => `${digest}/layer.tar`) };
}
