import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { buildPackages } from '../../../scripts/steps/build-packages.js';
import { checkout } from '../../support/checkout.js';
import { put, stepContext, temporaryFolder, testContext } from '../../support/context.js';
import { fakeRunner } from '../../support/fake-runner.js';

test('the step that CONTRIBUTING.md shows can be written as it is shown', async () => {
  const page = await readFile(path.join(checkout, 'CONTRIBUTING.md'), 'utf8');
  const shown = /^```ts\n(.*?)^```$/ms.exec(page)?.[1] ?? '';
  const steps = path.join(checkout, 'scripts', 'steps');
  const sample = shown.replaceAll(/from '(\.[^']+)'/g, (_, from: string) => `from ${JSON.stringify(path.join(steps, from))}`);
  const { example } = (await import(await put(path.join(temporaryFolder(), 'example.ts'), sample))) as {
    example: typeof buildPackages;
  };
  expect(example).toMatchObject({ id: 'example', needs: [buildPackages] });
  const runner = fakeRunner(async ({ file, args }) => {
    if (file !== 'make') return undefined;
    await put(args.at(-1)?.replace(/^OUT=/, '') ?? '', 'made');
    return '';
  });
  const ctx = stepContext(testContext({ runner }));
  await example.run(ctx);
  expect(await readFile(path.join(ctx.paths.build, 'example'), 'utf8')).toBe('made');
});
