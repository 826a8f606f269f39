import { expect, test } from 'vitest';
import { expectSameState, type NodeState, nodeState } from '../../scripts/lib/node-state.js';
import { fakeClock, testContext } from '../support/context.js';
import { fakeRunner } from '../support/fake-runner.js';

/** A node whose listing is worked out from the seconds that have passed; a number is the exit code of a listing that failed. */
function world(listing: (passed: number) => string | number) {
  const clock = fakeClock();
  const start = clock.now();
  return testContext({ clock, runner: fakeRunner(() => listing((clock.now() - start) / 1000)) });
}

/** A state in which nothing is dead. */
const state = (...lines: string[]): NodeState => ({ lines, dead: [] });

test('a node is listed once containerd answers', async () => {
  expect(
    await nodeState(
      world((passed) => (passed < 5 ? 1 : 'image b\nimage a\n')),
      'node',
    ),
  ).toEqual({ lines: ['image a', 'image b'], dead: [] });
});

test('what is collected in the background is waited for', async () => {
  const ctx = world((passed) => (passed < 5 ? 'image a\ncontent sha256:1' : 'image a'));
  await expectSameState(ctx, 'node', state('image a'));
});

test.each([
  ['left', 'image a\nlease 1', ['+ lease 1']],
  ['gone', '', ['- image a']],
  ['another one', 'image b', ['+ image b', '- image a']],
])('what is %s is named', async (_, after, details) => {
  const held = expectSameState(
    world(() => after),
    'node',
    state('image a'),
  );
  await expect(held).rejects.toMatchObject({ message: 'something was left on node, or is gone', details });
});

test('a containerd that does not come back is told', async () => {
  await expect(
    expectSameState(
      world(() => 1),
      'node',
      state(),
    ),
  ).rejects.toMatchObject({ details: ['containerd does not answer'] });
});

test('what belongs to a container that was dead before may go meanwhile', async () => {
  const before = await nodeState(
    world(() => 'dead 1234\nsnapshot 1234 Active\nimage a'),
    'node',
  );
  expect(before.dead).toEqual(['1234']);
  await expectSameState(
    world(() => 'image a'),
    'node',
    before,
  );
});

test('a container that has died meanwhile is told', async () => {
  const after = world(() => 'dead 1234\ntask 1234 STOPPED');
  await expect(expectSameState(after, 'node', state('task 1234 RUNNING'))).rejects.toMatchObject({
    details: ['+ task 1234 STOPPED', '- task 1234 RUNNING'],
  });
});
