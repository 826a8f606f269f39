import { expect, test } from 'vitest';
import { expectSameState, type NodeState, nodeState } from '../../../scripts/lib/cluster/node-state.js';
import { fakeClock, testContext } from '../../support/context.js';
import { fakeRunner } from '../../support/fake-runner.js';

/** A node whose listing is worked out from the seconds that have passed; a number is the exit code of a listing that failed. */
function world(listing: (passed: number) => string | number) {
  const clock = fakeClock();
  const start = clock.now();
  return testContext({ clock, runner: fakeRunner(() => listing((clock.now() - start) / 1000)) });
}

const own = { namespace: 'default', pod: 'own' };
/** A state in which nothing is dead, and no other pod is there. */
const state = (...lines: string[]): NodeState => ({ pods: [own], lines, others: [], dead: [] });
/** What is seen when a node lists this. */
const listed = (listing: string): Promise<NodeState> =>
  nodeState(
    world(() => listing),
    'node',
    [own],
  );

test('a node is listed once containerd answers', async () => {
  expect(
    await nodeState(
      world((passed) => (passed < 5 ? 1 : 'image b\nimage a\n')),
      'node',
      [own],
    ),
  ).toEqual(state('image a', 'image b'));
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
  const before = await listed('own 1234\ncontainer 1234\ndead 1234\nsnapshot 1234 Active\nimage a');
  expect(before.dead).toEqual(['1234']);
  await expectSameState(
    world(() => 'image a'),
    'node',
    before,
  );
});

test('a sandbox of another pod may end and be collected meanwhile, and another one begin', async () => {
  const before = await listed('own 1234\ncontainer 1234\ntask 1234 RUNNING\ncontainer 5678\ntask 5678 RUNNING\nsnapshot 5678 Active');
  expect(before.others).toEqual(['5678']);
  await expectSameState(
    world(
      () =>
        'own 1234\ncontainer 1234\ntask 1234 RUNNING\ncontainer abcd\ntask abcd RUNNING\nmount overlay /run/containerd/abcd/rootfs overlay',
    ),
    'node',
    before,
  );
});

test('what a checkpoint leaves of the own container is told although others come and go', async () => {
  const before = await listed('own 1234\ncontainer 1234\ntask 1234 RUNNING\ncontainer 5678\ntask 5678 RUNNING');
  const after = world(() => 'own 1234\ncontainer 1234\ntask 1234 PAUSED\nsnapshot checkpoint-parent-view-1234 View');
  await expect(expectSameState(after, 'node', before)).rejects.toMatchObject({
    details: ['+ snapshot checkpoint-parent-view-1234 View', '+ task 1234 PAUSED', '- task 1234 RUNNING'],
  });
});

test('the pods that count are asked for by their labels', async () => {
  const runner = fakeRunner(() => 'image a');
  await nodeState(testContext({ runner }), 'node', [own]);
  expect(runner.calls.flatMap(({ args }) => args).join(' ')).toContain(
    `'labels."io.kubernetes.pod.name"==own,labels."io.kubernetes.pod.namespace"==default'`,
  );
});

test('a container that has died meanwhile is told', async () => {
  const after = world(() => 'own 1234\ncontainer 1234\ndead 1234\ntask 1234 STOPPED');
  await expect(expectSameState(after, 'node', state('task 1234 RUNNING'))).rejects.toMatchObject({
    details: ['+ task 1234 STOPPED', '- task 1234 RUNNING'],
  });
});
