import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import * as tar from 'tar';
import { ToolkitError, UsageError } from '../../lib/core/errors.js';
import { sha256 } from '../../lib/core/hash.js';
import { type ArchiveContent, readArchive } from '../archive.js';
import type { ImageName } from './name.js';

/** What refers to content (https://github.com/opencontainers/image-spec, descriptor.md). */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

/** Content that is small enough to be held. */
export interface Blob extends Descriptor {
  readonly bytes: Buffer;
}

/** A checkpoint archive as the one layer of an image. Its bytes stay in the archive. */
export interface CheckpointImage {
  readonly name: ImageName;
  readonly archive: string;
  readonly content: ArchiveContent;
  readonly layer: Descriptor;
  readonly config: Blob;
  readonly manifest: Blob;
}

/** Gives an image its name. */
export type NameOf = (of: Pick<CheckpointImage, 'content' | 'layer'>) => ImageName;

const MEDIA_TYPES = {
  index: 'application/vnd.oci.image.index.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar',
} as const;
/** Archives are read in pieces of this size, bytes. */
const PIECE = 1024 * 1024;
const BLOCK = 512;

/** The first bytes of compressed files, by how they are unpacked. */
const COMPRESSED: ReadonlyArray<readonly [magic: string, program: string]> = [
  ['1f8b', 'gunzip'],
  ['28b52ffd', 'unzstd'],
  ['fd377a585a00', 'unxz'],
];

/**
 * Reads an archive from beginning to end, and says what its image will be. Nothing of it is kept in memory.
 * @param name of the image, or what gives it one by what is in the archive
 * @throws ToolkitError when it is no whole checkpoint archive; UsageError when it is compressed
 */
export async function describeImage(archive: string, name: ImageName | NameOf): Promise<CheckpointImage> {
  await refuseCompressed(archive);
  const hash = createHash('sha256');
  let size = 0;
  const content = await readArchive(archive, (piece) => {
    hash.update(piece);
    size += piece.length;
  });
  const layer = { mediaType: MEDIA_TYPES.layer, digest: `sha256:${hash.digest('hex')}`, size };
  const config = blob(MEDIA_TYPES.config, {
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    os: 'linux',
    config: {},
    rootfs: { type: 'layers', diff_ids: [layer.digest] },
  });
  const manifest = blob(MEDIA_TYPES.manifest, {
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.manifest,
    config: descriptorOf(config),
    layers: [layer],
    annotations: annotationsOf(content),
  });
  return { name: typeof name === 'function' ? name({ content, layer }) : name, archive, content, layer, config, manifest };
}

/**
 * What makes it the image of a checkpoint, and what it is a checkpoint of: for containerd 2.1 to 2.3
 * (internal/cri/server/container_checkpoint_linux.go) and newer releases of CRI-O by checkpointctl's names (lib/annotations.go), for
 * older ones of CRI-O by its own (pkg/annotations).
 */
function annotationsOf({ container, name, pod, namespace, image }: ArchiveContent): Record<string, string> {
  const known: Readonly<Record<string, string | undefined>> = {
    'org.criu.checkpoint.container.name': container ?? name,
    'io.kubernetes.cri-o.annotations.checkpoint.name': container ?? name,
    'org.criu.checkpoint.pod.name': pod,
    'org.criu.checkpoint.pod.namespace': namespace,
    'org.criu.checkpoint.rootfsImageName': image,
    'io.kubernetes.cri-o.annotations.checkpoint.rootfsImageName': image,
  };
  return Object.fromEntries(Object.entries(known).filter((entry): entry is [string, string] => (entry[1] ?? '') !== ''));
}

/**
 * The image as a tar file of an OCI layout (image-layout.md), which `ctr images import`, Podman, Skopeo and others take. The archive is
 * read once more, piece by piece.
 * @throws ToolkitError when the archive is not any more the one that was described
 */
export async function* imageLayout(image: CheckpointImage): AsyncGenerator<Buffer, void> {
  const { name, layer, config, manifest } = image;
  const entry = {
    ...descriptorOf(manifest),
    annotations: { 'io.containerd.image.name': name.full, 'org.opencontainers.image.ref.name': name.tag },
  };
  yield small('oci-layout', json({ imageLayoutVersion: '1.0.0' }));
  yield small('index.json', json({ schemaVersion: 2, mediaType: MEDIA_TYPES.index, manifests: [entry] }));
  for (const one of [config, manifest]) yield small(blobPath(one), one.bytes);
  yield header(blobPath(layer), layer.size);
  yield* layerBytes(image);
  yield padding(layer.size);
  // Two empty blocks end a tar file.
  yield Buffer.alloc(2 * BLOCK);
}

/**
 * The bytes of the one layer.
 * @throws ToolkitError when the archive is not any more the one that was described: at the end, for it is read only once
 */
export async function* layerBytes({ archive, layer }: Pick<CheckpointImage, 'archive' | 'layer'>): AsyncGenerator<Buffer, void> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const piece of createReadStream(archive, { highWaterMark: PIECE }) as AsyncIterable<Buffer>) {
    size += piece.length;
    if (size > layer.size) break;
    hash.update(piece);
    yield piece;
  }
  if (size !== layer.size || `sha256:${hash.digest('hex')}` !== layer.digest)
    throw new ToolkitError('the archive has changed while its image was made', { details: [archive], hint: 'Run the same command again.' });
}

const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
const blobPath = ({ digest }: Descriptor): string => `blobs/${digest.replace(':', '/')}`;

function blob(mediaType: string, value: unknown): Blob {
  const bytes = json(value);
  return { mediaType, digest: `sha256:${sha256(bytes)}`, size: bytes.length, bytes };
}

function descriptorOf({ mediaType, digest, size }: Descriptor): Descriptor {
  return { mediaType, digest, size };
}

function small(path: string, bytes: Buffer): Buffer {
  return Buffer.concat([header(path, bytes.length), bytes, padding(bytes.length)]);
}

/** The header of a file, for its owner alone, at a fixed time: the same archive gives the same bytes. */
function header(path: string, size: number): Buffer {
  const bytes = Buffer.alloc(BLOCK);
  new tar.Header({ path, size, type: 'File', mode: 0o600, uid: 0, gid: 0, mtime: new Date(0) }).encode(bytes);
  return bytes;
}

/** Zeros up to the next block. */
function padding(size: number): Buffer {
  return Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK);
}

/** A layer that is not compressed is what its digest says in both places where it stands. */
async function refuseCompressed(archive: string): Promise<void> {
  const file = await open(archive).catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`the archive cannot be read: ${archive}`, { details: [error.message] });
  });
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(6), 0, 6, 0).catch((error: NodeJS.ErrnoException) => {
      throw new UsageError(`the archive cannot be read: ${archive}`, { details: [error.message] });
    });
    const start = buffer.subarray(0, bytesRead).toString('hex');
    const found = COMPRESSED.find(([magic]) => start.startsWith(magic));
    if (found !== undefined)
      throw new UsageError(`the archive is compressed: ${archive}`, { hint: `Unpack it first: ${found[1]} < ARCHIVE > archive.tar` });
  } finally {
    await file.close();
  }
}
