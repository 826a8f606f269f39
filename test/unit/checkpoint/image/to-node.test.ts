import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { importCheckpoint } from '../../../../scripts/checkpoint/image/to-node.js';
import { Node } from '../../../../scripts/lib/cluster/node.js';
import { checkpointArchive } from '../../../support/archive.js';
import { testContext } from '../../../support/context.js';
import { type Call, fakeRunner } from '../../../support/fake-runner.js';

const DIGEST = `sha256:${'4'.repeat(64)}`;
const REF = `docker.io/library/import-2026-01-02@${DIGEST}`;
const DUMP =
  "[plugins]\n  [plugins.'io.containerd.cri.v1.images']\n    snapshotter = 'native'\n    [plugins.'x'.y]\n      snapshotter = ''\n";

/** A node whose containerd has images: their digests by name. */
class FakeContainerd {
  readonly images: Map<string, string>;
  imported: { readonly args: readonly string[]; readonly bytes: number } | undefined;
  readonly runner = fakeRunner((call) => this.answer(call));
  private asked = 0;

  constructor(images: Readonly<Record<string, string>>) {
    this.images = new Map(Object.entries(images));
  }

  private async answer({ args, options }: Call): Promise<string | undefined> {
    const [, ...words] = args.slice(args.indexOf('node'));
    if (words.join(' ') === 'containerd config dump') return DUMP;
    const [, , , verb, ...rest] = words;
    const filter = rest.at(-1) ?? '';
    if (verb === 'ls') {
      const [, field, value] = /^(name|target\.digest)==(.*)$/.exec(filter) ?? [];
      return [...this.images]
        .filter(([name, digest]) => (field === 'name' ? name : digest) === value)
        .map(([name]) => name)
        .join('\n');
    }
    if (verb === 'tag') {
      this.images.set(filter, this.images.get(rest.at(-2) ?? '') ?? '');
      return '';
    }
    if (verb !== 'import') return undefined;
    const pieces: Buffer[] = [];
    for await (const piece of options.inputStream as AsyncIterable<Buffer>) pieces.push(piece);
    const text = Buffer.concat(pieces).toString('latin1');
    const name = /"io\.containerd\.image\.name":"([^"]+)"/.exec(text)?.[1] ?? '';
    const config = /"config":\{"mediaType":"[^"]+","digest":"([^"]+)"/.exec(text)?.[1] ?? '';
    this.imported = { args: rest, bytes: text.length };
    this.images.set(name, 'the manifest');
    this.images.set(config, 'the manifest');
    this.asked++;
    return '';
  }

  get imports(): number {
    return this.asked;
  }
}

const archive = (): Promise<string> =>
  checkpointArchive({ config: { id: 'abc', name: 'main', rootfsImageName: 'docker.io/library/counter:latest', rootfsImageRef: REF } });

describe('bringing a checkpoint into a node as an image', () => {
  test('imports it from a stream under a name by its content, unpacked as the CRI unpacks', async () => {
    const there = new FakeContainerd({ [REF]: DIGEST });
    const file = await archive();
    const name = await importCheckpoint(testContext(), new Node(there.runner, 'node'), file);
    const tag = createHash('sha256').update(readFileSync(file)).digest('hex').slice(0, 12);
    expect(name).toBe(`localhost/checkpoint/shop-counter-main:${tag}`);
    expect(there.imported?.args).toEqual(['--local', '--snapshotter=native', '-']);
    expect(there.imported?.bytes).toBeGreaterThan(readFileSync(file).length);
  });

  test('imports the same archive only once', async () => {
    const there = new FakeContainerd({ [REF]: DIGEST });
    const file = await archive();
    for (let time = 0; time < 2; time++) await importCheckpoint(testContext(), new Node(there.runner, 'node'), file);
    expect(there.imports).toBe(1);
  });

  test('gives the image of the container the name by which containerd looks it up', async () => {
    const there = new FakeContainerd({ [`import-2026-01-02@${DIGEST}`]: DIGEST });
    await importCheckpoint(testContext(), new Node(there.runner, 'node'), await archive());
    expect(there.images.get(REF)).toBe(DIGEST);
  });

  test('is refused before anything is imported where the node lacks that image', async () => {
    const there = new FakeContainerd({});
    await expect(importCheckpoint(testContext(), new Node(there.runner, 'node'), await archive())).rejects.toMatchObject({
      message: 'node node lacks the image that the container was made of',
      hint: expect.stringContaining('npm run image:load'),
    });
    expect(there.imports).toBe(0);
  });
});
