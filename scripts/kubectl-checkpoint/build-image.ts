import { createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { describeImage, imageLayout } from '../checkpoint/image/image.js';
import { type Pushed, pushImage } from '../checkpoint/image/registry.js';
import { formatBytes } from '../lib/core/bytes.js';
import type { Context } from '../lib/core/context.js';
import { UsageError } from '../lib/core/errors.js';
import { replace } from '../lib/core/files.js';
import type { Json } from '../lib/core/json.js';
import type { BuildCommand } from './verbs/build.js';

/** An image that was made of an archive. */
export interface Built {
  /** Its name in full. */
  readonly image: string;
  readonly digest: string;
  /** The file that it was written to. */
  readonly file?: { readonly path: string; readonly bytes: number };
  readonly pushed?: Pushed;
  /** What was checkpointed, as far as the archive tells. */
  readonly container: string;
  /** What those lack who are to restore it. */
  readonly notes: readonly string[];
}

/**
 * Makes an image of an archive: into a file, whole or not at all and for its owner alone, and into its registry where that is wanted.
 * Without either a file beside the archive is written.
 * @param output the file, or a folder for it
 * @throws UsageError, ToolkitError
 */
export async function buildCheckpointImage(
  ctx: Context,
  { archive, image: name }: Pick<BuildCommand, 'archive' | 'image'>,
  { output, push }: { readonly output: string | undefined; readonly push: boolean },
): Promise<Built> {
  const source = path.resolve(archive);
  const target = output === undefined && push ? undefined : await targetOf(source, output);
  const image = await describeImage(source, name);
  if (target !== undefined)
    await replace(target, (temporary) =>
      pipeline(imageLayout(image), createWriteStream(temporary, { mode: 0o600 }), { signal: ctx.signal }),
    );
  const pushed = push ? await pushImage(ctx, image) : undefined;
  const { container, name: known, files } = image.content;
  return {
    image: name.full,
    digest: image.manifest.digest,
    ...(target === undefined ? {} : { file: { path: target, bytes: (await stat(target)).size } }),
    ...(pushed === undefined ? {} : { pushed }),
    container: container ?? known,
    notes: files.includes('status.dump')
      ? []
      : ['containerd cannot restore it: the archive has no status.dump, which containerd writes from 2.1 on'],
  };
}

async function targetOf(source: string, output = defaultOutput(source)): Promise<string> {
  const chosen = path.resolve(output);
  const folder = (await stat(chosen).catch(() => undefined))?.isDirectory() === true;
  const target = folder ? path.join(chosen, path.basename(defaultOutput(source))) : chosen;
  if (target === source) throw new UsageError(`--output: that is the archive itself: ${target}`);
  return target;
}

const defaultOutput = (source: string): string => `${source.replace(/\.tar$/, '')}.oci.tar`;

/** What was made, for people, and how it gets to a node. */
export function builtText({ image, digest, container, file, pushed, notes }: Built): string {
  const lines = [`image ${image} of container ${container}, ${digest}`];
  if (file !== undefined)
    lines.push(
      `written to ${file.path} (${formatBytes(file.bytes)}, mode 0600)`,
      `into a node: ctr -n k8s.io images import ${path.basename(file.path)}`,
    );
  if (pushed !== undefined) lines.push(`pushed: ${formatBytes(pushed.sentBytes)} sent`);
  return [...lines, ...notes].join('\n');
}

/** The same, for programs. */
export function builtJson({ image, digest, container, file, pushed, notes }: Built): Json {
  return {
    image,
    digest,
    container,
    file: file === undefined ? null : { ...file },
    pushed: pushed === undefined ? null : { ...pushed },
    notes: [...notes],
  };
}
