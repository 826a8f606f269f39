import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { compilation, compileStatic } from '../../../scripts/lib/build/c-program.js';
import { distribution } from '../../../scripts/lib/host/distribution.js';
import { put, testContext } from '../../support/context.js';
import { fakeRunner } from '../../support/fake-runner.js';

test('a C program is compiled as the key of its step has it, by the compiler of this system', async () => {
  const runner = fakeRunner(async ({ file, args }) => {
    if (file === 'gcc') await put(args[args.indexOf('-o') + 1] ?? '', 'program');
    return file === 'gcc' ? '' : undefined;
  });
  const ctx = testContext({ runner });
  const target = path.join(ctx.paths.build, 'tool');
  await compileStatic(ctx, '/tool.c', target, ['-DVERSION=v1']);
  expect(await readFile(target, 'utf8')).toBe('program');
  const [call] = runner.calls;
  expect([call?.file, ...(call?.args ?? [])].slice(0, -3)).toEqual((await compilation(['-DVERSION=v1']))['compiler']);
  expect(call?.args.slice(-3)).toEqual(['-o', expect.stringContaining(target), '/tool.c']);
  expect(call?.args).toContain('-static');
  expect(await compilation()).toMatchObject({ system: (await distribution()).name });
});
