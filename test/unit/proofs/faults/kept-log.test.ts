import { expect, test } from 'vitest';
import { Node } from '../../../../scripts/lib/cluster/node.js';
import { expectFinishedDump, expectKeptLog } from '../../../../scripts/proofs/faults/kept-log.js';
import { testContext } from '../../../support/context.js';
import { type Answers, fakeRunner } from '../../../support/fake-runner.js';

const PATH = '/var/lib/containerd/io.containerd.grpc.v1.cri/checkpoint-logs/checkpoint-p_default-ballast-2026-11-24T17:00:00Z.log';
const said = `checkpointing of default/p/ballast failed (rpc error: code = Unknown desc = CRIU made no progress for 20s
CRIU's log is kept in ${PATH}, and ends:
(00.1) Dumping pages
(00.2) Sent msg to daemon)`;

const context = (answers: Answers) => testContext({ runner: fakeRunner(answers) });
const node = (answers: Answers) => new Node(context(answers).runner, 'node');
const stat = `docker exec node stat --format $'%a %U' ${PATH}`;
const tail = `docker exec node tail --lines=1 ${PATH}`;

test('the log is where the error says, and ends as it says', async () => {
  const on = node({ [stat]: '600 root', [tail]: '(00.2) Sent msg to daemon' });
  expect(await expectKeptLog(on, said)).toBe('(00.2) Sent msg to daemon');
});

test('of a long line the error holds the beginning', async () => {
  const line = `(00.2) ${'x'.repeat(300)}`;
  const on = node({ [stat]: '600 root', [tail]: line });
  expect(await expectKeptLog(on, said.replace('(00.2) Sent msg to daemon', `${line.slice(0, 200)}…`))).toBe(line);
});

test.each([
  ['names no log', 'failed (rpc error: killed)', {}, 'does not say where'],
  ['ends otherwise', said, { [stat]: '600 root', [tail]: '(00.3) something later' }, 'does not hold the end'],
  ['names an empty log', said, { [stat]: '600 root', [tail]: '' }, 'does not hold the end'],
  ['names a log that all can read', said, { [stat]: '644 root' }, 'mode and owner'],
  ['names a log that is not there', said, { [stat]: 1 }, 'docker failed'],
])('an error that %s is told', async (_, body, answers, message) => {
  await expect(expectKeptLog(node(answers), body)).rejects.toThrow(message);
});

const container = { node: 'node', pod: 'p', namespace: 'default', container: 'ballast', id: '1', restartCount: 0, image: 'ballast' };

test('a dump that nobody waits for is waited for until its log is there', async () => {
  let looks = 0;
  const ctx = context(() => (++looks < 3 ? 1 : '(01.0) Dumping finished successfully'));
  expect(await expectFinishedDump(ctx, container)).toBe('Dumping finished successfully');
});

test('a dump that was cut off is told', async () => {
  const ctx = context(() => '(00.2) Sent msg to daemon');
  await expect(expectFinishedDump(ctx, container)).rejects.toMatchObject({
    message: 'the dump did not come to its end',
    details: ['(00.2) Sent msg to daemon'],
  });
});
