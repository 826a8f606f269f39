import { chmod, stat } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { kubectlPlugin, pluginScript } from '../../../scripts/steps/kubectl-plugin.js';
import { put, realRunner, stepContext, temporaryFolder, testContext } from '../../support/context.js';

/** A checkout and a cache with these names, whose run.mjs tells how it was called. */
async function checkout(name: string): Promise<{ root: string; cache: string; program: string }> {
  const root = path.join(temporaryFolder(), name);
  const cache = path.join(root, 'the cache');
  await put(
    path.join(root, 'scripts', 'run.mjs'),
    'console.log(JSON.stringify({ args: process.argv.slice(2), cwd: process.cwd(), cache: process.env.KIND_CHECKPOINT_CACHE }));',
  );
  const program = await put(path.join(cache, 'bin', 'kubectl-checkpoint'), pluginScript(root, cache));
  await chmod(program, 0o755);
  return { root, cache, program };
}

describe('the program that kubectl starts', () => {
  test.each(['plain', 'with space', "with 'quote'", 'with $HOME and `id`'])(
    'works from any folder, in a checkout called %s',
    async (name) => {
      const { cache, program } = await checkout(name);
      const cwd = temporaryFolder();
      const { stdout } = await realRunner().run(program, ['counter', '-o', 'a b.tar', '$x'], { cwd });
      expect(JSON.parse(stdout)).toEqual({ args: ['checkpoint', 'counter', '-o', 'a b.tar', '$x'], cwd, cache });
    },
  );

  test('keeps to a cache that is named', async () => {
    const { program } = await checkout('plain');
    const { stdout } = await realRunner({ env: { KIND_CHECKPOINT_CACHE: '/other' } }).run(program, []);
    expect(JSON.parse(stdout)).toMatchObject({ cache: '/other' });
  });

  test('is made executable', async () => {
    const ctx = testContext();
    await kubectlPlugin.run(stepContext(ctx));
    expect((await stat(path.join(ctx.paths.bin, 'kubectl-checkpoint'))).mode & 0o777).toBe(0o755);
  });
});
