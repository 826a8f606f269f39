import path from 'node:path';
import { expect, test } from 'vitest';
import { checkout } from '../support/checkout.js';
import { put, temporaryFolder } from '../support/context.js';
import { deadLinks, pagesIn } from '../support/links.js';

test('every link of the pages leads to something that exists', async () => {
  expect(await pagesIn(checkout)).toEqual(expect.arrayContaining(['README.md', 'CONTRIBUTING.md', 'ARCHITECTURE.md', 'docs/commands.md']));
  const { links, dead } = await deadLinks(checkout);
  expect(dead).toEqual([]);
  expect(links).toBeGreaterThan(30);
});

test('a link to a missing file or heading is named; those in code and to other hosts are passed over', async () => {
  const root = temporaryFolder();
  await put(
    path.join(root, 'README.md'),
    [
      '# One, two',
      '[a](docs/a.md) [b](docs/b.md) [c](#one-two) [d](#three) [e](docs/a.md#it-is-1) [f](docs/a.md#it-is-2) ![g](docs/g.svg)',
      '[h](https://example.org/x.md) `[i](no.md)`',
      '```\n[j](no.md)\n## Three\n```',
    ].join('\n'),
  );
  await put(path.join(root, 'docs', 'a.md'), '## It is!\n## `It` is\n[up](../README.md#one-two) [down](../NONE.md)');
  expect(await deadLinks(root)).toEqual({
    links: 9,
    dead: ['README.md: docs/b.md', 'README.md: #three', 'README.md: docs/a.md#it-is-2', 'README.md: docs/g.svg', 'docs/a.md: ../NONE.md'],
  });
});
