import { readdirSync, statSync } from 'node:fs';
import { mkdir, truncate } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { readImageName } from '../../../scripts/checkpoint/image/name.js';
import { buildCheckpointImage, builtText } from '../../../scripts/kubectl-checkpoint/build-image.js';
import { checkpointArchive } from '../../support/archive.js';
import { temporaryFolder, testContext } from '../../support/context.js';
import { testRegistry } from '../../support/registry.js';

const image = readImageName('counter:one');

describe('kubectl checkpoint build', () => {
  test('writes the image beside its archive, for its owner alone, and says how it gets to a node', async () => {
    const archive = await checkpointArchive();
    const built = await buildCheckpointImage(testContext(), { archive, image }, { output: undefined, push: false });
    const file = archive.replace(/\.tar$/, '.oci.tar');
    expect(built).toMatchObject({
      image: 'docker.io/library/counter:one',
      container: 'main',
      file: { path: file, bytes: statSync(file).size },
      notes: [],
    });
    expect((statSync(file).mode & 0o777).toString(8)).toBe('600');
    expect(builtText(built)).toContain('ctr -n k8s.io images import archive.oci.tar');
  });

  test('writes it where it is told to, into a folder under its own name', async () => {
    const archive = await checkpointArchive();
    const folder = temporaryFolder();
    const write = (output: string): Promise<{ file?: { path: string } }> =>
      buildCheckpointImage(testContext(), { archive, image }, { output, push: false });
    expect((await write(path.join(folder, 'x.tar'))).file?.path).toBe(path.join(folder, 'x.tar'));
    expect((await write(folder)).file?.path).toBe(path.join(folder, 'archive.oci.tar'));
    await expect(write(archive)).rejects.toThrow('--output: that is the archive itself');
    await mkdir(path.join(folder, 'archive.tar'));
    expect((await write(path.join(folder, 'archive.tar'))).file?.path).toBe(path.join(folder, 'archive.tar', 'archive.oci.tar'));
  });

  test('pushes it without a file, or with one where that is named too', async () => {
    const registry = await testRegistry();
    const archive = await checkpointArchive();
    const name = readImageName(`${registry.host}/counter:one`);
    const ctx = testContext({ env: { DOCKER_CONFIG: temporaryFolder() } });
    const pushed = await buildCheckpointImage(ctx, { archive, image: name }, { output: undefined, push: true });
    expect(pushed.file).toBeUndefined();
    expect(registry.manifests.has('counter:one')).toBe(true);
    expect(readdirSync(path.dirname(archive)).filter((entry) => entry.endsWith('.oci.tar'))).toEqual([]);
    const both = await buildCheckpointImage(ctx, { archive, image: name }, { output: path.dirname(archive), push: true });
    expect(both.file?.path).toBe(path.join(path.dirname(archive), 'archive.oci.tar'));
  });

  test('leaves nothing of an image that cannot be made', async () => {
    const archive = await checkpointArchive();
    await truncate(archive, 3000);
    await expect(buildCheckpointImage(testContext(), { archive, image }, { output: undefined, push: false })).rejects.toThrow();
    const whole = await checkpointArchive();
    const ctx = testContext();
    ctx.abort.abort(new Error('stopped'));
    await expect(buildCheckpointImage(ctx, { archive: whole, image }, { output: undefined, push: false })).rejects.toThrow();
    for (const one of [archive, whole]) expect(readdirSync(path.dirname(one)).sort()).toEqual(['archive.tar', 'content']);
  });

  test('says what an archive lacks for containerd', async () => {
    const archive = await checkpointArchive({ without: ['status.dump'] });
    const { notes } = await buildCheckpointImage(testContext(), { archive, image }, { output: undefined, push: false });
    expect(notes).toEqual([expect.stringContaining('no status.dump')]);
  });
});
