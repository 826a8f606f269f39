import { describe, expect, test } from 'vitest';
import { loadImage } from '../../../scripts/lib/cluster/image-load.js';
import { testContext } from '../../support/context.js';
import { type FakeRunner, fakeRunner } from '../../support/fake-runner.js';

const NAME = 'docker.io/library/counter:latest';
const CONFIG = 'sha256:c0';
const MANIFEST = 'sha256:m0';

/** An engine that knows counter:latest by this ID, and a node with these images, by their digests, to begin with and when one was sent. */
function machine(id: string, before: Readonly<Record<string, string>>, after = before): FakeRunner {
  let images = before;
  return fakeRunner(({ file, args, line }) => {
    if (line.startsWith('docker image inspect')) return id;
    if (line.startsWith('docker ps')) return 'node1 abc running control-plane';
    if (file.endsWith('/bin/kind')) {
      images = after;
      return '';
    }
    const name = args.at(-1)?.replace('name==', '') ?? '';
    const digest = images[name];
    if (digest === undefined) return '';
    return args.includes('--quiet')
      ? name
      : `REF TYPE DIGEST SIZE\n${name} application/vnd.oci.image.manifest.v1+json ${digest} 1.0 KiB linux/amd64 -`;
  });
}

const load = (runner: FakeRunner) => loadImage(testContext({ runner }), 'counter');

describe('an image', () => {
  const there = { [NAME]: MANIFEST, [CONFIG]: MANIFEST };

  test('that the node knows by the digest of its configuration is not sent again', async () => {
    expect((await load(machine(CONFIG, there))).sentTo).toEqual([]);
  });

  test('whose ID is that of its manifest, as with the containerd image store, is not sent again', async () => {
    expect((await load(machine(MANIFEST, there))).sentTo).toEqual([]);
  });

  test.each([
    ['is not there', {}],
    ['is another one of the same name', { [NAME]: 'sha256:m9', 'sha256:c9': 'sha256:m9' }],
    ['is there without its name', { [CONFIG]: MANIFEST }],
  ])('that %s is sent, from either image store', async (_, before) => {
    for (const id of [CONFIG, MANIFEST]) expect((await load(machine(id, before, there))).sentTo).toEqual(['node1']);
  });

  test('that is not there after it was sent is an error', async () => {
    await expect(load(machine(MANIFEST, {}))).rejects.toThrow('counter is not on node1 after it was loaded');
  });
});
