import { describe, expect, test } from 'vitest';
import { Killed, MigrationWorld, type Trouble } from '../../../support/migration-world.js';

/** That in the end each container runs once, all on one node, and nothing is left. @returns that node */
function expectOne(world: MigrationWorld): string {
  expect(world.wrong).toEqual([]);
  const nodes = new Set(world.containers.flatMap((name) => world.whereRuns(name)));
  expect([...nodes], 'nodes that run it').toHaveLength(1);
  for (const name of world.containers) expect(world.whereRuns(name), name).toHaveLength(1);
  expect([...world.archives, ...world.claims.keys()], 'left in the folder').toEqual([]);
  expect(world.pods.size, 'pods').toBe(1);
  const [pod] = world.pods.values();
  const marks = Object.keys({ ...pod?.metadata.labels, ...pod?.metadata.annotations });
  expect(marks.filter((name) => /under-way|migration.*\/(source|target|name|labels|by)$|^await|^restore/.test(name))).toEqual([]);
  return [...nodes][0] ?? '';
}

const kinds: ReadonlyArray<readonly [string, readonly string[], string | undefined]> = [
  ['a pod', ['main'], undefined],
  ['a pod of a ReplicaSet', ['main'], 'ReplicaSet'],
  ['a pod with three containers', ['main', 'proxy', 'log'], undefined],
];

test('a move ends when the API, too, tells that the pod runs there: it gives no log before', async () => {
  const moved = async (toldLateMs: number): Promise<number> => {
    const world = new MigrationWorld(['main'], { toldLateMs });
    const start = world.ctx.clock.now();
    await world.migrate();
    expect(expectOne(world)).toBe('node-2');
    return world.ctx.clock.now() - start;
  };
  expect(await moved(5_000)).toBeGreaterThanOrEqual(5_000);
  // One that is never told has moved all the same.
  const never = await moved(600_000);
  expect(never).toBeGreaterThan(30_000);
  expect(never).toBeLessThan(60_000);
});

describe.each(kinds)('%s', (_, containers, owner) => {
  test('moves, with its labels, and nothing is left', async () => {
    const world = new MigrationWorld(containers, {}, owner);
    const moved = await world.migrate();
    expect(moved).toMatchObject({ outcome: 'moved', begunBefore: false, timeline: { downtimeMs: 250 } });
    expect(expectOne(world)).toBe('node-2');
    expect(world.target?.metadata.labels).toEqual({ app: 'web' });
  });

  test('whose migration is killed, wherever that is: the next call finishes it, or takes it back and begins anew', async () => {
    const whole = new MigrationWorld(containers, {}, owner);
    await whole.migrate();
    expect(whole.calls).toBeGreaterThan(20);
    for (let at = 0; at <= whole.calls; at++) {
      const world = new MigrationWorld(containers, {}, owner);
      const first = await world.migrate({}, at).then(
        () => undefined,
        (error: unknown) => error,
      );
      if (at < whole.calls) expect(first, `killed at call ${at}`).toBeDefined();
      if (world.source === undefined && world.target?.metadata.labels['app'] !== undefined && world.claims.size === 0) continue;
      await world.migrate();
      expect(expectOne(world), `killed at call ${at}`).toBe('node-2');
    }
  });

  test('whose migration is killed, and which is not to move after all', async () => {
    const whole = new MigrationWorld(containers, {}, owner);
    await whole.migrate();
    for (let at = 0; at < whole.calls; at++) {
      const world = new MigrationWorld(containers, {}, owner);
      await world.migrate({}, at).catch(() => undefined);
      const target = world.target?.metadata.labels;
      await world.migrate({ to: undefined }).catch((error: unknown) => {
        // It has moved, and nothing of it is left to be done.
        expect(String(error), `killed at call ${at}, ${JSON.stringify(target)}`).toContain('there is no pod web');
      });
      expectOne(world);
    }
  });

  const off: ReadonlyArray<readonly [string, Trouble]> = [
    ['goes off', {}],
    ['goes off while it restores', { hangs: true }],
  ];
  test.each(off)('whose migration is killed while the target’s node %s, runs on', async (_what, trouble) => {
    const whole = new MigrationWorld(containers, {}, owner);
    await whole.migrate();
    for (let at = 5; at < whole.calls; at++) {
      const world = new MigrationWorld(containers, trouble, owner);
      await world.migrate({}, at).catch(() => undefined);
      if (world.source === undefined) break;
      world.turnOff();
      await world.migrate({ to: undefined });
      expect(expectOne(world), `killed at call ${at}`).toBe('node-1');
    }
  });

  const troubles: ReadonlyArray<readonly [string, Trouble, RegExp]> = [
    ['its node turns the new pod away', { turnsAway: true }, /does not get ready on node node-2/],
    ['the first container cannot be restored', { fails: containers[0] ?? '' }, /could not be restored on node node-2/],
    ['the last container cannot be restored', { fails: containers.at(-1) ?? '' }, /could not be restored on node node-2/],
    ['the restore hangs', { hangs: true }, /could not be restored on node node-2/],
    ['the last container cannot be dumped', { dumpFails: containers.at(-1) ?? '' }, /could not be handed over/],
  ];
  test.each(troubles)('runs on when %s, and the error says so', async (_what, trouble, message) => {
    const world = new MigrationWorld(containers, trouble, owner);
    const error = await world.migrate().catch((thrown: unknown) => thrown);
    expect(error).not.toBeInstanceOf(Killed);
    expect(error).toMatchObject({
      message: expect.stringMatching(message),
      details: expect.arrayContaining(['pod web runs on, on node node-1']),
    });
    expect(expectOne(world)).toBe('node-1');
  });
});

describe('a migration', () => {
  test('that is stopped takes the pod back', async () => {
    const world = new MigrationWorld(['main'], { hangs: true });
    const pass = world.ctx.clock.pass;
    world.ctx.clock.pass = (ms) => {
      pass(ms);
      if (world.claims.size > 0) world.ctx.abort.abort(new Error('stopped'));
    };
    await expect(world.migrate()).rejects.toThrow();
    expect(expectOne(world)).toBe('node-1');
    expect(world.ctx.said).toContain('pod web runs on, on node node-1');
  });

  test('that somebody else commands is left alone, unless one takes over', async () => {
    const world = new MigrationWorld();
    await world.migrate({ by: 'elsewhere/7' }, 14).catch(() => undefined);
    await expect(world.migrate()).rejects.toMatchObject({
      message: 'pod web is being moved already',
      hint: expect.stringContaining('--recover'),
    });
    await world.migrate({ takeOver: true });
    expect(expectOne(world)).toBe('node-2');
  });

  test('to a name that another pod has leaves that alone', async () => {
    const world = new MigrationWorld();
    world.addOther('other');
    await expect(world.migrate({ name: 'other' })).rejects.toThrow('the new pod shop/other could not be created');
    expect(world.pods.has('other')).toBe(true);
    expect(world.whereRuns('main')).toEqual(['node-1']);
  });

  test('of a pod that is not there says so', async () => {
    await expect(new MigrationWorld().migrate({ pod: 'nobody' })).rejects.toThrow('there is no pod nobody in the namespace shop');
  });

  test('that was never begun has nothing to be finished', async () => {
    const world = new MigrationWorld();
    expect(await world.migrate({ to: undefined })).toMatchObject({ outcome: 'nothing to do', node: 'node-1' });
    expect(expectOne(world)).toBe('node-1');
  });

  test('of a pod that may not move changes nothing', async () => {
    const world = new MigrationWorld(['main'], {}, 'StatefulSet');
    await expect(world.migrate()).rejects.toMatchObject({
      message: 'pod web cannot move to node node-2',
      details: [expect.stringContaining('StatefulSet')],
      hint: 'Nothing was changed.',
    });
    expect(expectOne(world)).toBe('node-1');
  });
});
