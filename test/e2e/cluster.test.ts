import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { clusterName, counterImage } from '../support/names.js';
import { program, toolkit, toolkitJson } from '../support/toolkit.js';

let folder: string;
let archive: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'cluster-'));
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

test('a pod is checkpointed through the kubelet while it goes on counting, and runs on whatever happens in the middle of it', async () => {
  const result = (await toolkitJson('e2e:checkpoint', ['--hard'])) as { proven: Array<{ what: string }>; archive: string };
  expect(result.proven.map(({ what }) => what)).toEqual([
    'the counter image is on all nodes',
    'pod counter runs',
    'the kubelet answers 200 and names the archive',
    'the archive lies on the node with mode 0600',
    'it was copied to the host with mode 0600',
    'it is a true checkpoint: spec.dump, config.dump, inventory and pages, of this image and container',
    'the counter goes on without gap or repeat, and was not restarted',
    'the kubelet counted one checkpoint and no error',
    'a pod that does not exist gets 404',
    'a container that does not exist gets 404',
    '10 checkpoints in a row give 10 distinct, whole archives, and no image is left behind',
    'four pods hold memory: small, 64 MiB, 256 MiB, 1 GiB',
    'CRIU is killed while it stops the process, 5 times: the process goes on',
    'CRIU is killed while it injects its code, 5 times: the process goes on',
    'CRIU is killed while its code runs, 5 times: the process goes on',
    'CRIU is killed while it takes its code out, 5 times: the process goes on',
    '1 GiB takes no more of the disk than twice the memory',
    'CRIU is killed while it writes memory',
    'containerd is killed in the middle',
    'containerd is killed while it writes the archive',
    'the kubelet is killed in the middle',
    'the client goes away in the middle: the dump comes to its end, and no archive is left',
    'CRIU hangs: it is ended, and the error says why',
    'a second call while one runs is told so: 409 at the API',
    'no room for the dump',
    'no room for the archive',
    'two calls within a second give two archives',
    '10 in a row give 10 archives',
    'four containers at once give four archives',
    'after all that none was restarted',
  ]);
  archive = result.archive;
  expect((await stat(archive)).mode & 0o777).toBe(0o600);
  expect(await program('tar', '--force-local', '-tf', archive)).toContain('checkpoint/inventory.img');
});

describe('cluster:up', () => {
  test('says that nothing has changed', async () => {
    expect(await toolkitJson('cluster:up')).toMatchObject({ ran: [], context: `kind-${clusterName}` });
  });

  test('names a changed configuration as the reason, and does not make the cluster anew by itself', async () => {
    const config = path.join(folder, 'cluster.yaml');
    await writeFile(config, `${await readFile('cluster/cluster.yaml', 'utf8')}# changed\n`);
    const before = await program('docker', 'ps', '--quiet', '--filter', `label=io.x-k8s.kind.cluster=${clusterName}`);
    const { exitCode, stderr } = await toolkit('cluster:up', ['--config', config]);
    expect(exitCode).toBe(1);
    expect(stderr).toContain('changed since it was made: configuration');
    expect(stderr).toContain('--recreate');
    expect(await program('docker', 'ps', '--quiet', '--filter', `label=io.x-k8s.kind.cluster=${clusterName}`)).toBe(before);
    expect(await toolkitJson('cluster:status', ['--config', config])).toMatchObject({ serves: true, outdated: 'changed: configuration' });
  });

  test('starts nodes that were stopped', async () => {
    await program('docker', 'stop', `${clusterName}-control-plane`);
    const stopped = await toolkit('cluster:status');
    expect(stopped.exitCode).toBe(1);
    const { ran } = (await toolkitJson('cluster:up')) as { ran: Array<{ id: string }> };
    expect(ran.map(({ id }) => id)).toEqual([`cluster-${clusterName}`]);
    expect(await toolkitJson('cluster:status')).toMatchObject({ serves: true, outdated: null });
  });

  test.each([
    ['that is missing', undefined, 'There is no such file'],
    ['that is no YAML', 'nodes: [', 'line 1'],
    ['of another kind', 'kind: Pod\napiVersion: v1\n', 'kind'],
  ])('refuses a configuration %s', async (_, text, expected) => {
    const config = path.join(folder, 'wrong.yaml');
    await rm(config, { force: true });
    if (text !== undefined) await writeFile(config, text);
    const { exitCode, stderr } = await toolkit('cluster:up', ['--config', config]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(expected);
    expect(stderr).not.toMatch(/\n\s+at /);
  });
});

describe('image:load', () => {
  test('does not send an image again that is on all nodes', async () => {
    expect(await toolkitJson('image:load', [counterImage])).toMatchObject([{ image: counterImage, sentTo: [] }]);
  });

  test('sends an image whose name stands for something else now', async () => {
    const tag = `moved:${clusterName}`;
    const build = (line: string): Promise<string> =>
      writeFile(path.join(folder, 'Dockerfile'), `FROM ${counterImage}\nLABEL line=${line}\n`).then(() =>
        program('docker', 'build', '--quiet', '--tag', tag, folder),
      );
    try {
      await build('one');
      expect(await toolkitJson('image:load', [tag])).toMatchObject([{ sentTo: [`${clusterName}-control-plane`] }]);
      await build('two');
      expect(await toolkitJson('image:load', [tag])).toMatchObject([{ sentTo: [`${clusterName}-control-plane`] }]);
      expect(await toolkitJson('image:load', [tag])).toMatchObject([{ sentTo: [] }]);
    } finally {
      await program('docker', 'image', 'rm', '--force', tag);
    }
  });

  test('says so when Docker has no such image', async () => {
    const { exitCode, stderr } = await toolkit('image:load', ['no-such-image:v1']);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('Docker has no image no-such-image:v1');
  });
});

test('kubectl and kind hand on arguments and exit codes', async () => {
  expect((await toolkit('kubectl', ['get', 'nodes', '--output', 'name'])).stdout).toBe(`node/${clusterName}-control-plane`);
  expect((await toolkit('kubectl', ['get', 'pod', 'no-such-pod'])).exitCode).toBe(1);
  expect((await toolkit('kind', ['get', 'clusters'])).stdout.split('\n')).toContain(clusterName);
});

test('cluster:logs exports the logs of nodes and pods', async () => {
  const { files } = (await toolkitJson('cluster:logs', ['--output', path.join(folder, 'logs')])) as { files: string[] };
  expect(files).toContain(`${clusterName}-control-plane/kubelet.log`);
  expect(files.some((file) => file.includes('/pods/default_counter_'))).toBe(true);
  expect((await readdir(path.join(folder, 'logs'))).length).toBeGreaterThan(0);
});
