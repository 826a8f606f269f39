import { createHash } from 'node:crypto';
import { createWriteStream, readFileSync } from 'node:fs';
import { appendFile, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { gzipSync } from 'node:zlib';
import * as tar from 'tar';
import { describe, expect, test } from 'vitest';
import { describeImage, imageLayout } from '../../../../scripts/checkpoint/image/image.js';
import { readImageName } from '../../../../scripts/checkpoint/image/name.js';
import { checkpointArchive } from '../../../support/archive.js';
import { temporaryFolder } from '../../../support/context.js';

const NAME = readImageName('registry.test:5000/shop/counter:one');
const digestOf = (bytes: Uint8Array): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/** The image of an archive as it is written, unpacked. */
async function written(archive: string): Promise<{ read: (name: string) => Buffer; json: (name: string) => Record<string, never> }> {
  const folder = temporaryFolder();
  const file = path.join(folder, 'image.tar');
  await pipeline(imageLayout(await describeImage(archive, NAME)), createWriteStream(file));
  await tar.extract({ file, cwd: folder, strict: true });
  const read = (name: string): Buffer => readFileSync(path.join(folder, name));
  return { read, json: (name) => JSON.parse(read(name).toString('utf8')) as Record<string, never> };
}

const blobName = (digest: string): string => `blobs/${digest.replace(':', '/')}`;

describe('the image of an archive', () => {
  test.each([4096, 3_000_001])('is an OCI layout whose only layer is the archive, byte by byte: %d bytes of memory', async (pagesBytes) => {
    const archive = await checkpointArchive({ pagesBytes });
    const { read, json } = await written(archive);
    expect(json('oci-layout')).toEqual({ imageLayoutVersion: '1.0.0' });
    const [entry] = (json('index.json') as unknown as { manifests: Array<{ digest: string; size: number; annotations: object }> })
      .manifests;
    const manifestBytes = read(blobName(entry?.digest ?? ''));
    expect([digestOf(manifestBytes), manifestBytes.length]).toEqual([entry?.digest, entry?.size]);
    const manifest = JSON.parse(manifestBytes.toString('utf8')) as {
      config: { digest: string };
      layers: Array<{ digest: string; size: number }>;
    };
    const original = readFileSync(archive);
    expect(manifest.layers).toEqual([
      { mediaType: 'application/vnd.oci.image.layer.v1.tar', digest: digestOf(original), size: original.length },
    ]);
    expect(read(blobName(manifest.layers[0]?.digest ?? '')).equals(original)).toBe(true);
    const config = read(blobName(manifest.config.digest));
    expect(digestOf(config)).toBe(manifest.config.digest);
    expect(JSON.parse(config.toString('utf8'))).toMatchObject({ os: 'linux', rootfs: { type: 'layers', diff_ids: [digestOf(original)] } });
  });

  test('says by annotations that it is a checkpoint, to containerd and to CRI-O, and how it is called', async () => {
    const { name: _, ...image } = await describeImage(await checkpointArchive(), NAME);
    expect(JSON.parse(image.manifest.bytes.toString('utf8')).annotations).toEqual({
      'org.criu.checkpoint.container.name': 'main',
      'io.kubernetes.cri-o.annotations.checkpoint.name': 'main',
      'org.criu.checkpoint.pod.name': 'counter',
      'org.criu.checkpoint.pod.namespace': 'shop',
      'org.criu.checkpoint.rootfsImageName': 'docker.io/library/counter:latest',
      'io.kubernetes.cri-o.annotations.checkpoint.rootfsImageName': 'docker.io/library/counter:latest',
    });
    const index = (await written(await checkpointArchive())).json('index.json') as unknown as { manifests: unknown[] };
    expect(index.manifests).toMatchObject([
      { annotations: { 'io.containerd.image.name': 'registry.test:5000/shop/counter:one', 'org.opencontainers.image.ref.name': 'one' } },
    ]);
  });

  test('is the same each time', async () => {
    const archive = await checkpointArchive();
    const [one, other] = [await describeImage(archive, NAME), await describeImage(archive, NAME)];
    expect(one.manifest.digest).toBe(other.manifest.digest);
  });

  test.each<[string, (archive: string) => Promise<unknown>, RegExp]>([
    ['is cut off', (archive) => truncate(archive, 2000), /not a whole tar file|lacks/],
    ['is compressed', (archive) => writeFile(archive, gzipSync(readFileSync(archive))), /is compressed/],
    ['is no tar file', (archive) => writeFile(archive, 'text '.repeat(1000)), /not a whole tar file/],
    ['is empty', (archive) => truncate(archive, 0), /not a whole tar file|lacks/],
  ])('is not made of an archive that %s', async (_, spoil, message) => {
    const archive = await checkpointArchive();
    await spoil(archive);
    await expect(describeImage(archive, NAME)).rejects.toThrow(message);
  });

  test('is not made of an archive that is not there, or that is a folder', async () => {
    await expect(describeImage('/no/such/archive.tar', NAME)).rejects.toMatchObject({
      exitCode: 2,
      message: expect.stringContaining('cannot be read'),
    });
    await expect(describeImage(temporaryFolder(), NAME)).rejects.toMatchObject({
      exitCode: 2,
      message: expect.stringContaining('cannot be read'),
    });
  });

  test.each<[string, (archive: string) => Promise<unknown>]>([
    ['grows', (archive) => appendFile(archive, 'more')],
    ['shrinks', (archive) => truncate(archive, 5000)],
  ])('is not finished when the archive %s meanwhile', async (_, change) => {
    const archive = await checkpointArchive();
    const image = await describeImage(archive, NAME);
    await change(archive);
    await expect(pipeline(imageLayout(image), createWriteStream('/dev/null'))).rejects.toThrow('the archive has changed');
  });
});

describe('the name of an image', () => {
  test.each([
    ['counter', 'docker.io', 'library/counter', 'latest'],
    ['me/counter:1.0', 'docker.io', 'me/counter', '1.0'],
    ['docker.io/counter', 'docker.io', 'library/counter', 'latest'],
    ['ghcr.io/me/a_b/c:x', 'ghcr.io', 'me/a_b/c', 'x'],
    ['localhost/counter', 'localhost', 'counter', 'latest'],
    ['127.0.0.1:5000/counter:two', '127.0.0.1:5000', 'counter', 'two'],
    ['[::1]:5000/counter', '[::1]:5000', 'counter', 'latest'],
  ])('%s is read in full', (text, registry, repository, tag) => {
    expect(readImageName(text)).toEqual({ registry, repository, tag, full: `${registry}/${repository}:${tag}` });
  });

  test.each(['', 'Counter', 'counter:', 'counter:a b', 'a//b', 'counter@sha256:00', '/counter', '-x.y/counter', 'x.y/../z'])(
    '%j is refused',
    (text) => {
      expect(() => readImageName(text)).toThrowError(expect.objectContaining({ exitCode: 2, message: expect.stringContaining('--tag: ') }));
    },
  );
});
