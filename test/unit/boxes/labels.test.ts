import { expect, test } from 'vitest';
import { imageOf, labelFlags, labelsOf, removeBoxes } from '../../../scripts/boxes/labels.js';
import { testContext } from '../../support/context.js';
import { type FakeRunner, fakeRunner } from '../../support/fake-runner.js';

/** No process has this ID: it is above the most that Linux gives (proc_sys_kernel(5), pid_max). */
const GONE = 2 ** 22 + 1;

/** An engine that holds this; each listing is told apart by its kind. */
function engine(held: Readonly<Record<'ps' | 'network' | 'volume' | 'image', string>>): FakeRunner {
  return fakeRunner(({ args: [kind = ''], line }) => {
    if (kind === 'rm' || line.startsWith(`docker ${kind} rm`)) return '';
    return held[kind as keyof typeof held];
  });
}

const removals = (runner: FakeRunner): string[] => runner.lines.filter((line) => / rm /.test(line));

test('what a box puts into the engine names its instance, run and box', () => {
  const ctx = testContext({ options: { instance: 'mine' } });
  expect(labelFlags(labelsOf(ctx, { box: 'debian:13+proxy', keep: true }, 42))).toEqual(
    ['instance=mine', 'run=42', 'box=debian:13+proxy', 'keep=yes'].flatMap((label) => ['--label', `kind-checkpoint.boxes.${label}`]),
  );
  expect(labelsOf(ctx, {}, 42)).toHaveLength(2);
  expect(imageOf('debian:13', 42)).toBe('kind-checkpoint-box:42-debian-13');
});

test('at the end of a run all that is its own goes, in an order that Docker accepts', async () => {
  const runner = engine({
    ps: `c1|${process.pid}|\nc2|${process.pid}|yes`,
    network: `n1|${process.pid}|`,
    volume: `v1|${process.pid}|\nv2|${process.pid}|`,
    image: 'kind-checkpoint-box:1-debian-13|1-debian-13|',
  });
  await removeBoxes(testContext({ runner, options: { instance: 'mine' } }), { run: process.pid });
  expect(removals(runner)).toEqual([
    'docker rm --force --volumes c1 c2',
    'docker network rm n1',
    'docker volume rm v1 v2',
    'docker image rm kind-checkpoint-box:1-debian-13',
  ]);
  for (const line of runner.lines.filter((one) => !/ rm /.test(one)))
    expect(line).toContain(`--filter label=kind-checkpoint.boxes.instance=mine --filter label=kind-checkpoint.boxes.run=${process.pid}`);
});

test('when a box has ended only what is its own goes', async () => {
  const runner = engine({ ps: '', network: '', volume: '', image: '' });
  await removeBoxes(testContext({ runner }), { run: 42, box: 'debian:12' });
  expect(runner.lines.every((line) => line.includes('--filter label=kind-checkpoint.boxes.box=debian:12'))).toBe(true);
  expect(removals(runner)).toEqual([]);
});

test('what killed runs left goes, and what is at work or was kept on purpose stays', async () => {
  const runner = engine({
    ps: `left|${GONE}|\nkept|${GONE}|yes\nat-work|${process.pid}|`,
    network: '',
    volume: `left-data|${GONE}|\nkept-data|${GONE}|yes`,
    image: `box:${GONE}-debian-12|${GONE}-debian-12|\nbox:${process.pid}-debian-12|${process.pid}-debian-12|`,
  });
  await removeBoxes(testContext({ runner }), 'abandoned');
  expect(removals(runner)).toEqual([
    'docker rm --force --volumes left',
    'docker volume rm left-data',
    `docker image rm box:${GONE}-debian-12`,
  ]);
});

test('all of this instance goes when it is asked for, kept ones too', async () => {
  const runner = engine({ ps: `kept|${GONE}|yes`, network: '', volume: '', image: '' });
  await removeBoxes(testContext({ runner }), 'all');
  expect(removals(runner)).toEqual(['docker rm --force --volumes kept']);
});
