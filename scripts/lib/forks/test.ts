import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { goEnv, runGo } from '../build/go.js';
import type { Context } from '../core/context.js';
import { type Fork, layOut, moduleOf, readSeries, touchedFiles } from './fork.js';
import { patchesOf } from './tree.js';

/** The packages whose tests a series adds to or changes, as import paths, sorted. */
export async function testedPackages(fork: Fork, patches: readonly string[]): Promise<string[]> {
  const files = (await Promise.all(patches.map((patch) => readFile(patch, 'utf8')))).flatMap(touchedFiles);
  const packages = files
    .filter((file) => file.endsWith('_test.go'))
    .map((file) => {
      const { module, prefix } = moduleOf(fork, file);
      return path.posix.join(module, path.posix.dirname(prefix === '' ? file : file.slice(prefix.length + 1)));
    });
  return [...new Set(packages)].sort();
}

/** Runs the Go tests that come with a fork's series, in the layout that is built. @returns the packages tested; none without tests */
export async function testFork(ctx: Context, fork: Fork): Promise<string[]> {
  const packages = await testedPackages(fork, await readSeries(patchesOf(ctx, fork)));
  if (packages.length === 0) return [];
  const { pin, folder } = await layOut(ctx, fork);
  await runGo(ctx, ['test', '-trimpath', ...packages], {
    cwd: folder,
    env: goEnv(pin.toolchain),
    log: path.join(ctx.logs, `${fork.name}-go-test.log`),
    failure: `the Go tests of ${fork.name} fail`,
  });
  return packages;
}
