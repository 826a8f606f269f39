import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { helpOf, loadProgram, programOf } from '../../../scripts/bootstrap/program.mjs';
import { checkout } from '../../support/checkout.js';
import { put, temporaryFolder } from '../../support/context.js';

/** A checkout in a folder with a space, whose program says a word that it imports, and another one that it imports when it is asked. */
class Kit {
  readonly root = path.join(temporaryFolder(), 'a kit');
  cache = path.join(this.root, '.cache');

  static async make(): Promise<Kit> {
    const kit = new Kit();
    await kit.write('package.json', '{ "type": "module" }');
    await kit.write('package-lock.json', '{}');
    await kit.write('tsconfig.json', '{ "compilerOptions": { "target": "ES2022", "strict": true } }');
    await kit.say('one');
    await kit.write('scripts/late.ts', "export const late = 'late';\n");
    await kit.write(
      'scripts/main.ts',
      `import { word } from './lib/word.js';
export const main = async (): Promise<string[]> => [word(), (await import('./late.js')).late];
export const helpTexts = async () => ({ task: \`help \${word()}\` });
`,
    );
    return kit;
  }

  async write(name: string, content: string): Promise<void> {
    await put(path.join(this.root, name), content);
  }

  /** Has the program say another word. */
  async say(word: string): Promise<void> {
    await this.write('scripts/lib/word.ts', `// A comment.\n\nexport const word = (): string => '${word}';\n`);
  }

  /** What the program of these sources says. */
  async said(program = programOf(this.root, this.cache)): Promise<string> {
    return (await this.load(program)).main().then(([word = '']) => word);
  }

  async load(
    program = programOf(this.root, this.cache),
  ): Promise<{ main: () => Promise<string[]>; inSources: (text: string) => Promise<string> }> {
    const { main, inSources } = await loadProgram(program);
    return { main: main.main as unknown as () => Promise<string[]>, inSources };
  }

  key(): string {
    return path.basename(programOf(this.root, this.cache).folder);
  }

  /** What lies in the cache beside others. */
  async kept(): Promise<string[]> {
    return readdir(path.join(this.cache, 'bundle')).catch(() => []);
  }
}

describe('the key', () => {
  test.each<[string, (kit: Kit) => Promise<void>]>([
    ['the content of a source', (kit) => kit.say('two')],
    ['a new file', (kit) => kit.write('scripts/lib/new.ts', '')],
    ['a name', (kit) => rename(path.join(kit.root, 'scripts/late.ts'), path.join(kit.root, 'scripts/later.ts'))],
    ['a file that is gone', (kit) => rm(path.join(kit.root, 'scripts/late.ts'))],
    ['how it is bundled', (kit) => kit.write('scripts/bootstrap/bundle.mjs', 'export {};')],
    ['the packages', (kit) => kit.write('package-lock.json', '{ "lockfileVersion": 3 }')],
    ['the options of TypeScript', (kit) => kit.write('tsconfig.json', '{}')],
  ])('covers %s', async (_, change) => {
    const kit = await Kit.make();
    const before = kit.key();
    expect(kit.key()).toBe(before);
    await change(kit);
    expect(kit.key()).not.toBe(before);
  });

  test('covers a change that keeps size and time', async () => {
    const kit = await Kit.make();
    const file = path.join(kit.root, 'scripts/lib/word.ts');
    const [before, { atime, mtime }] = [kit.key(), await stat(file)];
    await kit.say('two');
    await utimes(file, atime, mtime);
    expect(kit.key()).not.toBe(before);
  });

  test('covers where the checkout lies, and nothing that an editor leaves', async () => {
    const kit = await Kit.make();
    const before = kit.key();
    await kit.write('scripts/lib/.word.ts.swp', 'half a');
    expect(kit.key()).toBe(before);
    expect(path.basename(programOf((await Kit.make()).root, kit.cache).folder)).not.toBe(before);
  });
});

describe('a program', () => {
  test('is made once', async () => {
    const kit = await Kit.make();
    expect(await kit.said()).toBe('one');
    await writeFile(
      path.join(programOf(kit.root, kit.cache).folder, 'program.cjs'),
      "((module) => { module.exports.main = async () => ['kept']; })",
    );
    expect(await kit.said()).toBe('kept');
  });

  test('is that of the sources as they are, there and back', async () => {
    const kit = await Kit.make();
    for (const word of ['one', 'two', 'one']) {
      await kit.say(word);
      expect(await kit.said()).toBe(word);
    }
  });

  test('holds what its key stands for, though a source changes while it is bundled', async () => {
    const kit = await Kit.make();
    const program = programOf(kit.root, kit.cache);
    await kit.say('two');
    expect(await kit.said(program)).toBe('one');
    expect(await kit.said()).toBe('two');
    await kit.say('one');
    expect(await kit.said()).toBe('one');
  });

  test('that a killed start has left half-made is not used, and goes after a while', async () => {
    const kit = await Kit.make();
    const { folder } = programOf(kit.root, kit.cache);
    for (const name of ['0123abcd', '4567cdef']) await put(path.join(`${folder}.${name}.tmp`, 'program.cjs'), '(function (mod');
    const hourAgo = Date.now() / 1000 - 3600;
    await utimes(`${folder}.0123abcd.tmp`, hourAgo, hourAgo);
    expect(await kit.said()).toBe('one');
    expect(await kit.kept()).toEqual([path.basename(folder), `${path.basename(folder)}.4567cdef.tmp`]);
  });

  test('runs without a cache that can be written', async () => {
    const kit = await Kit.make();
    await kit.write('file', '');
    kit.cache = path.join(kit.root, 'file');
    expect([await kit.said(), await kit.said()]).toEqual(['one', 'one']);
    await kit.say('two');
    expect(await kit.said()).toBe('two');
    expect(await readFile(kit.cache, 'utf8')).toBe('');
  });

  test('runs without being kept, for a run that is to leave nothing behind', async () => {
    const kit = await Kit.make();
    const { main } = await loadProgram(programOf(kit.root, kit.cache), { keep: false });
    expect(await (main.main as unknown as () => Promise<string[]>)()).toContain('one');
    expect(existsSync(kit.cache)).toBe(false);
  });

  test('is made by two starts at once without harm', async () => {
    const kit = await Kit.make();
    expect(await Promise.all([kit.said(), kit.said(), kit.said()])).toEqual(['one', 'one', 'one']);
    expect(await kit.kept()).toEqual([kit.key()]);
    expect(await kit.said()).toBe('one');
  });

  test('runs on when the cache is removed', async () => {
    const kit = await Kit.make();
    for (const start of ['first', 'second']) {
      const { main } = await kit.load();
      if (start === 'second') await rm(kit.cache, { recursive: true });
      expect(await main()).toEqual(['one', 'late']);
    }
  });

  test('of former sources is kept for a while, not for ever', async () => {
    const kit = await Kit.make();
    for (const word of ['a', 'b', 'c', 'd', 'e', 'f']) {
      await kit.say(word);
      await kit.said();
    }
    expect(await kit.kept()).toHaveLength(4);
    expect(await kit.kept()).toContain(kit.key());
  });

  test('knows the help of its tasks when it is there', async () => {
    const kit = await Kit.make();
    expect(helpOf(programOf(kit.root, kit.cache), 'task')).toBeUndefined();
    await kit.said();
    expect(helpOf(programOf(kit.root, kit.cache), 'task')).toBe('help one');
    expect(helpOf(programOf(kit.root, kit.cache), 'other')).toBeUndefined();
    await kit.say('two');
    expect(helpOf(programOf(kit.root, kit.cache), 'task')).toBeUndefined();
  });

  test('that fails tells where in the sources, as long as its map is there', async () => {
    const kit = await Kit.make();
    await kit.write('scripts/lib/word.ts', "// A comment.\n\nexport function word(): string {\n  throw new Error('no word');\n}\n");
    await kit.write(
      'scripts/main.ts',
      "import { word } from './lib/word.js';\nexport const main = async () => word();\nexport const helpTexts = async () => ({});\n",
    );
    for (const start of ['made', 'found']) {
      const { main, inSources } = await kit.load();
      const { stack = '' } = await main().then(
        () => new TypeError(start),
        (error: Error) => error,
      );
      expect((await inSources(stack)).split('\n').slice(0, 3)).toEqual([
        'Error: no word',
        expect.stringMatching(`at word \\(${kit.root}/scripts/lib/word.ts:4:9\\)$`),
        expect.stringMatching(`at .*${kit.root}/scripts/main.ts:2:\\d+\\)?$`),
      ]);
      if (start === 'made') continue;
      await rm(kit.cache, { recursive: true });
      expect(await inSources(stack)).toBe(stack);
    }
  });
});

describe('a mistake', () => {
  test('is told with its file and line', async () => {
    const kit = await Kit.make();
    await kit.write('scripts/lib/word.ts', "export const word = () => 'one';\nexport const const = 1;\n");
    await expect(kit.said()).rejects.toMatchObject({
      name: 'BundleError',
      message:
        'the TypeScript cannot be bundled\n  scripts/lib/word.ts:2:14: Expected identifier but found "const"\n    export const const = 1;',
    });
    expect(await kit.kept()).toEqual([]);
  });

  test('is an import of what is not there, or of what the key does not cover', async () => {
    const kit = await Kit.make();
    await kit.write('scripts/late.ts', "export { late } from './later.js';\n");
    await expect(kit.said()).rejects.toThrow(/scripts\/late\.ts:1:22: Could not resolve "\.\/later\.js"/);
    await kit.write('scripts/late.ts', "export { late } from '../late.js';\n");
    await kit.write('late.ts', "export const late = 'late';\n");
    await expect(kit.said()).rejects.toThrow(/late\.ts does not lie in scripts\//);
  });
});

test('the true program can be made, and has a help for every npm script but those that hand it on', async () => {
  const cache = path.join(temporaryFolder(), 'cache');
  await mkdir(cache);
  await loadProgram(programOf(checkout, cache));
  const program = programOf(checkout, cache);
  const { main } = await loadProgram(program);
  const scripts = Object.keys((JSON.parse(await readFile(path.join(checkout, 'package.json'), 'utf8')) as { scripts: object }).scripts);
  const texts = await main.helpTexts(checkout);
  expect(scripts.filter((name) => texts[name] === undefined)).toEqual(['kind', 'kubectl']);
  for (const [name, text] of Object.entries(texts)) expect(helpOf(program, name)).toBe(text);
});
