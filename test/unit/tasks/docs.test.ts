import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { anchorOf, commandsPage } from '../../../scripts/lib/cli/commands-page.js';
import { type Task, task } from '../../../scripts/lib/cli/task.js';
import docs, { documented, renderCommands } from '../../../scripts/tasks/docs.js';
import { checkout } from '../../support/checkout.js';
import { put, temporaryFolder, testContext } from '../../support/context.js';

const scripts = async (): Promise<Record<string, string>> =>
  (JSON.parse(await readFile(path.join(checkout, 'package.json'), 'utf8')) as { scripts: Record<string, string> }).scripts;

describe('docs/commands.md', () => {
  test('is what the commands say about themselves', async () => {
    const written = await readFile(path.join(checkout, 'docs', 'commands.md'), 'utf8');
    expect(written === renderCommands(), 'docs/commands.md is stale: npm run docs   writes it anew').toBe(true);
  });

  test('has every npm script', async () => {
    expect([...documented].sort()).toEqual(Object.keys(await scripts()).sort());
  });
});

test('every npm script runs the task of its name, and every task has its script', async () => {
  const named = Object.entries(await scripts());
  expect(named.filter(([name, command]) => command !== `node scripts/run.mjs ${name}`)).toEqual([]);
  const files = await readdir(path.join(checkout, 'scripts', 'tasks'));
  expect(files.sort()).toEqual(named.map(([name]) => `${name.replaceAll(':', '-')}.ts`).sort());
});

const example = task({
  name: 'image:load',
  summary: 'Brings an image to <all> nodes.',
  manual: [
    'It goes',
    'like this:',
    '  npm run image:load -- counter',
    '    and on',
    'Then it is there, see docs/images.md; --quick is quicker.',
  ],
  flags: { name: { type: 'string', short: 'n', value: 'NAME', help: 'the cluster' }, quick: { type: 'boolean', help: 'do it fast' } },
  words: 'IMAGE…',
  run: async () => undefined,
}) as unknown as Task;

test('a page has a list of its commands, and each with usage, manual and flags', () => {
  expect(commandsPage('\n# Commands\n', [{ title: 'The cluster', tasks: [example] }])).toBe(
    [
      '# Commands\n',
      '| | |\n|---|---|\n| The cluster | [`image:load`](#imageload) |\n',
      '## The cluster\n',
      '### image:load\n',
      '```sh\nnpm run image:load -- IMAGE… [FLAG…]\n```\n',
      'Brings an image to \\<all> nodes.\n',
      'It goes\nlike this:\n',
      '```\nnpm run image:load -- counter\n  and on\n```\n',
      'Then it is there, see [images.md](images.md); `--quick` is quicker.\n',
      '- `-n, --name NAME`: the cluster\n- `--quick`: do it fast\n',
    ].join('\n'),
  );
});

test('an anchor is the one that GitHub gives a heading', () => {
  expect(anchorOf('When something goes wrong, in the `middle`')).toBe('when-something-goes-wrong-in-the-middle');
  expect(anchorOf('cluster:up')).toBe('clusterup');
});

test('docs writes the page where it differs, and says what it did', async () => {
  const root = temporaryFolder();
  const said: string[] = [];
  const run = () =>
    docs.run({
      flags: {},
      words: [],
      ctx: testContext({ root }),
      print: (text) => said.push(text),
      printJson: () => undefined,
      forPeople: true,
    });
  const file = await put(path.join(root, 'docs', 'commands.md'), 'old');
  await run();
  await run();
  expect(await readFile(file, 'utf8')).toBe(renderCommands());
  expect(said).toEqual([`written: ${file}`, `${file} is as it should be`]);
});
