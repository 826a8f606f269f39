import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { keepTimes } from '../../../scripts/bench/keep.js';
import type { Sample } from '../../../scripts/bench/report.js';
import bench from '../../../scripts/tasks/bench.js';
import { testContext } from '../../support/context.js';
import { fakeRunner } from '../../support/fake-runner.js';

const samples: Sample[] = [{ way: 'ours', size: 'small', call: 0.3, frozen: 0.2 }];

test('measured times go into the folder of the logs, and docs stays as it is', async () => {
  const ctx = testContext();
  const written = await keepTimes(ctx, samples, false);
  expect(written).toEqual(['json', 'svg'].map((ending) => path.join(ctx.logs, `checkpoint-times.${ending}`)));
  expect(JSON.parse(await readFile(written[0] ?? '', 'utf8'))).toMatchObject({ unit: 'seconds', samples });
  expect(existsSync(ctx.paths.inRoot('docs'))).toBe(false);
});

test('times that are to be recorded go into docs too', async () => {
  const ctx = testContext();
  expect(await keepTimes(ctx, samples, true)).toHaveLength(4);
  const [kept, recorded] = await Promise.all(
    [ctx.logs, ctx.paths.inRoot('docs')].map((folder) => readFile(path.join(folder, 'checkpoint-times.json'), 'utf8')),
  );
  expect(recorded).toBe(kept);
  expect(await readFile(ctx.paths.inRoot('docs', 'checkpoint-times.svg'), 'utf8')).toMatch(/^<svg /);
});

test('recording without the benchmark of checkpoints is refused, before anything is made', async () => {
  const runner = fakeRunner();
  const refused = bench.run({
    flags: { name: undefined, profile: undefined, config: undefined, kubernetes: undefined, recreate: false, record: true },
    words: ['api'],
    ctx: testContext({ runner }),
    print: () => undefined,
    printJson: () => undefined,
    forPeople: true,
  });
  await expect(refused).rejects.toMatchObject({ message: '--record: only the times of checkpoints and migrations are kept' });
  expect(runner.lines).toEqual([]);
});
