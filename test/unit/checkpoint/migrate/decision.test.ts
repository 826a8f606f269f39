import { describe, expect, test } from 'vitest';
import type { ClaimState } from '../../../../scripts/checkpoint/migrate/claim.js';
import { decide, type Next, type World } from '../../../../scripts/checkpoint/migrate/decision.js';

/** The target waits for its archive; nobody has taken anything. */
const waiting: World = {
  pod: 'counter',
  targetNode: 'worker2',
  source: 'there',
  target: 'starting',
  node: 'up',
  claims: ['none'],
  patient: false,
};
const claims = (...states: ClaimState[]) => ({ claims: states });
const back = (proof: boolean): Next => ({ do: 'take-back', proof });

describe('a migration whose source is there, and', () => {
  test.each<[string, Partial<World>, Next['do'] | Next]>([
    // Killed before the freeze, or while it was dumped, or before the target took it: all the same, nobody has it.
    ['which the target has not taken', {}, back(false)],
    ['which the target is about to take', { patient: true }, 'wait'],
    ['whose target was deleted before it took it', { target: 'gone' }, back(false)],
    ['whose target was deleted, though one would wait', { target: 'gone', patient: true }, back(false)],
    ['whose target was turned away by its node', { target: 'ended', patient: true }, back(false)],
    ['whose target’s node is off, and had not taken it', { node: 'stopped' }, back(false)],
    ['whose target’s node is silent, and had not taken it', { node: 'silent', patient: true }, back(false)],
    // Killed while the target restored.
    ['which the target has taken', { ...claims('taken'), patient: true }, 'wait'],
    ['which the target has had for too long', claims('taken'), back(true)],
    ['which the target had taken when its node went off', { ...claims('taken'), node: 'stopped', patient: true }, back(true)],
    ['which the target had taken when it was deleted', { ...claims('taken'), target: 'gone', patient: true }, back(true)],
    ['which the target had taken when its node fell silent', { ...claims('taken'), node: 'silent', patient: true }, back(true)],
    ['which the target could not restore', { ...claims('failed'), patient: true }, back(false)],
    ['which was being taken back', { ...claims('cancelled'), patient: true }, back(false)],
    // Killed after the restore.
    ['which the target runs', { ...claims('restored'), target: 'running' }, 'finish'],
    ['which the target runs, though its pod does not show it yet', claims('restored'), 'finish'],
    ['which the target has run to its end', { ...claims('restored'), target: 'ended' }, 'finish'],
    ['which the target ran when it was deleted', { ...claims('restored'), target: 'gone' }, back(true)],
    ['which the target ran when its node went off', { ...claims('restored'), target: 'running', node: 'stopped' }, back(true)],
    ['which the target ran when its node fell silent', { ...claims('restored'), target: 'running', node: 'silent' }, 'refuse'],
    // Several containers.
    ['of which one is restored', { ...claims('restored', 'none'), patient: true }, 'wait'],
    ['of which one is restored, and the other is not for too long', claims('restored', 'taken'), back(true)],
    ['of which one is restored, and the other failed', { ...claims('restored', 'failed'), patient: true }, back(true)],
    ['of which both are restored', { ...claims('restored', 'restored'), target: 'running' }, 'finish'],
    ['of which one was taken back', { ...claims('cancelled', 'none'), patient: true }, back(false)],
    // What was agreed on lies on a node that does not answer.
    ['whose claims cannot be read', { claims: undefined, patient: true }, 'refuse'],
    ['whose claims cannot be read from a silent node', { claims: undefined, node: 'silent' }, 'refuse'],
    ['whose claims cannot be read from a node that is off', { claims: undefined, node: 'stopped' }, back(true)],
  ])('%s', (_, facts, expected) => {
    expect(decide({ ...waiting, ...facts })).toMatchObject(typeof expected === 'string' ? { do: expected } : expected);
  });

  test('that is refused says what to do', () => {
    const next = decide({ ...waiting, claims: undefined });
    expect(next).toMatchObject({
      reason: {
        message: 'nobody can say whether node worker2 runs pod counter already',
        hint: expect.stringContaining('kubectl delete node worker2'),
      },
    });
  });
});

describe('a migration whose source is gone, and', () => {
  test.each<[string, Partial<World>, Next['do']]>([
    ['which the target runs', { ...claims('restored'), target: 'running' }, 'finish'],
    ['which the target runs, on a node that is silent', { ...claims('restored'), target: 'running', node: 'silent' }, 'finish'],
    ['which the target has taken', { ...claims('taken'), patient: true }, 'wait'],
    ['which the target may still take', { patient: true }, 'wait'],
    ['which the target did not take', {}, 'clear'],
    ['which the target could not restore', { ...claims('failed'), patient: true }, 'clear'],
    ['whose target is gone too', { target: 'gone', patient: true }, 'clear'],
    ['whose target was turned away', { target: 'ended', patient: true }, 'clear'],
    ['which the target has had for too long', claims('taken'), 'refuse'],
    ['whose claims cannot be read', { claims: undefined }, 'refuse'],
    ['whose claims cannot be read, though the target runs', { claims: undefined, target: 'running' }, 'finish'],
  ])('%s', (_, facts, expected) => {
    expect(decide({ ...waiting, source: 'gone', ...facts }).do).toBe(expected);
  });
});

describe('in no world', () => {
  const all: readonly World[] = (['there', 'gone'] as const).flatMap((source) =>
    (['starting', 'running', 'ended', 'gone'] as const).flatMap((target) =>
      (['up', 'silent', 'stopped'] as const).flatMap((node) =>
        [...(['none', 'taken', 'restored', 'failed', 'cancelled'] as const).map((state) => [state]), undefined].flatMap((states) =>
          [true, false].map((patient) => ({ ...waiting, source, target, node, claims: states, patient })),
        ),
      ),
    ),
  );

  test('is the source taken back without proof when the target may have it', () => {
    const wrong = all.filter((world) => {
      const next = decide(world);
      const may = world.claims === undefined || world.claims.some((state) => state === 'taken' || state === 'restored');
      return next.do === 'take-back' && !next.proof && may;
    });
    expect(wrong).toEqual([]);
  });

  test('is the source removed before the target has all of it', () => {
    const wrong = all.filter(
      (world) => world.source === 'there' && decide(world).do === 'finish' && !world.claims?.every((state) => state === 'restored'),
    );
    expect(wrong).toEqual([]);
  });

  test('is what is left of a target cleared away while the source can run on', () => {
    expect(all.filter((world) => decide(world).do === 'clear' && world.source === 'there')).toEqual([]);
  });

  test('is the last one that may run removed', () => {
    const wrong = all.filter((world) => {
      const may = world.claims === undefined || world.claims.some((state) => state === 'taken' || state === 'restored');
      return decide(world).do === 'clear' && may && (world.target === 'running' || world.target === 'starting');
    });
    expect(wrong).toEqual([]);
  });

  test('is waited for ever', () => {
    expect(all.filter((world) => decide({ ...world, patient: false }).do === 'wait')).toEqual([]);
  });
});
