import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { type GoComponent, goComponent, pinned } from '../../../scripts/lib/build/go-component.js';
import { keyParts } from '../../../scripts/lib/engine/freshness.js';
import { distribution } from '../../../scripts/lib/host/distribution.js';
import { put, stepContext, type TestContext, testContext } from '../../support/context.js';
import type { FakeRunner } from '../../support/fake-runner.js';
import { goBuilds, goRunner } from '../../support/go.js';
import { reasonToRun, runAlone } from '../../support/steps.js';

const MODULE = 'example.org/tool';

const tool: GoComponent = {
  id: 'tool',
  title: 'the tool',
  seconds: 1,
  source: pinned('images/tool', MODULE),
  needs: [],
  programs: { tool: `${MODULE}/cmd/tool`, toolctl: `${MODULE}/cmd/toolctl` },
  flags: ['-buildmode=pie'],
  tags: ['netgo'],
  ldflags: (version) => [`-X main.version=${version.replace(/^v/, '')}`],
};

/** A checkout with the tool's pin. */
async function checkout(): Promise<{ ctx: TestContext; runner: FakeRunner; pin: (version: string) => Promise<unknown> }> {
  const runner = goRunner();
  const ctx = testContext({ runner });
  const pin = (pinnedTo: string): Promise<unknown> =>
    put(ctx.paths.inRoot('images/tool/go.mod'), `module a\ntoolchain go1.23.6\nrequire ${MODULE} ${pinnedTo}\n`);
  await pin('v1.4.0');
  await put(ctx.paths.inRoot('images/tool/go.sum'), 'sums\n');
  return { ctx, runner, pin };
}

describe('a component in Go', () => {
  test('is built in one call, with its own flags and those of every build, from the pinned version', async () => {
    const { ctx, runner } = await checkout();
    await goComponent(tool).run(stepContext(ctx));
    const [build, ...others] = goBuilds(runner);
    expect(others).toEqual([]);
    expect(build?.args).toEqual(
      expect.arrayContaining([
        '-trimpath',
        '-buildmode=pie',
        '-tags=netgo',
        '-ldflags=-s -w -X main.version=1.4.0',
        ...Object.values(tool.programs),
      ]),
    );
    expect(build?.options).toMatchObject({
      cwd: ctx.paths.inRoot('images/tool'),
      env: { GOTOOLCHAIN: 'go1.23.6', GOFLAGS: '-buildvcs=false', CGO_ENABLED: '0' },
    });
  });

  test.each([
    ['beside others of its own', {}, 'build/tool'],
    ['with what people and tasks call, where it says so', { into: 'bin' }, 'bin'],
  ] as const)('lands %s', async (_, into, folder) => {
    const { ctx } = await checkout();
    const step = goComponent({ ...tool, ...into });
    await step.run(stepContext(ctx));
    const products = step.produces?.(ctx) ?? [];
    expect(products.map(({ name }) => path.relative(ctx.paths.cache, name))).toEqual([`${folder}/tool`, `${folder}/toolctl`]);
    for (const product of products) expect(await product.fingerprint(ctx)).toBeDefined();
  });

  test('is not built again while nothing changes', async () => {
    const { ctx } = await checkout();
    await runAlone(goComponent(tool), ctx);
    expect(await reasonToRun(goComponent(tool), ctx)).toBeUndefined();
  });

  test.each<[string, Partial<GoComponent>]>([
    ['programs', { programs: { tool: `${MODULE}/cmd/tool` } }],
    ['programs', { programs: { tool: `${MODULE}/v2/cmd/tool`, toolctl: `${MODULE}/cmd/toolctl` } }],
    ['flags', { flags: [] }],
    ['tags', { tags: ['netgo', 'osusergo'] }],
    ['ldflags', { ldflags: (version) => [`-X main.version=${version}`] }],
    ['cgo, system', { cgo: true }],
  ])('is built again for other %s', async (changed, change) => {
    const { ctx } = await checkout();
    await runAlone(goComponent(tool), ctx);
    expect(await reasonToRun(goComponent({ ...tool, ...change }), ctx)).toBe(`changed: ${changed}`);
  });

  test('is built again for another pin, and names that alone', async () => {
    const { ctx, pin } = await checkout();
    await runAlone(goComponent(tool), ctx);
    await pin('v1.5.0');
    expect(await reasonToRun(goComponent(tool), ctx)).toBe('changed: images/tool/go.mod');
  });

  test('has in its key what holds for every build, and this system only where its libraries are used', async () => {
    const { ctx } = await checkout();
    const keyOf = (): string => '';
    const parts = await keyParts(goComponent(tool), ctx, keyOf);
    expect(parts).toMatchObject({
      flags: '["-trimpath","-buildmode=pie"]',
      ldflags: '["-s","-w","-X main.version=1.2.3"]',
      env: '{"GOFLAGS":"-buildvcs=false","GOWORK":"off"}',
    });
    expect(parts).not.toHaveProperty('system');
    expect(await keyParts(goComponent({ ...tool, cgo: true }), ctx, keyOf)).toMatchObject({
      system: JSON.stringify((await distribution()).name),
    });
  });
});
