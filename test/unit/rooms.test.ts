import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { checkout } from '../support/checkout.js';
import { againstArrows, circles, importsIn, inNoRoom, rooms } from '../support/rooms.js';

describe('the rooms of scripts', () => {
  test('every file lies in one', async () => {
    const { files } = await importsIn();
    expect(files.length).toBeGreaterThan(100);
    expect(inNoRoom(files)).toEqual([]);
  });

  test('nothing is imported against their direction', async () => {
    const { imports } = await importsIn();
    expect(imports.length).toBeGreaterThan(500);
    expect(againstArrows(imports)).toEqual([]);
  });

  test('no files import each other in a circle', async () => {
    expect(circles((await importsIn()).imports)).toEqual([]);
  });

  test('what a room stands on stands on nothing above it', () => {
    for (const [room, below] of rooms)
      for (const other of below) expect(rooms.get(other), `${room} and ${other} stand on each other`).not.toContain(room);
  });

  test('are those of ARCHITECTURE.md, with the same arrows', async () => {
    const page = await readFile(path.join(checkout, 'ARCHITECTURE.md'), 'utf8');
    const rows = [...page.matchAll(/^\| `(?:lib\/)?([\w-]+)` \| .+ \| ([^|]+) \|$/gm)];
    const drawn = rows.map(([, room = '', below = '']) => [room, below === '–' ? [] : below.split(', ')] as const);
    expect(new Map(drawn)).toEqual(new Map([...rooms]));
  });

  test('the unit tests follow them', async () => {
    const folders = (await readdir(path.join(checkout, 'test', 'unit'), { withFileTypes: true })).filter((entry) => entry.isDirectory());
    const others = ['bootstrap', 'support', 'tasks'];
    expect(folders.map(({ name }) => name).filter((name) => !rooms.has(name) && !others.includes(name))).toEqual([]);
  });
});

describe('the check of the rooms', () => {
  test('sees a helper that reaches up', () => {
    expect(againstArrows([{ from: 'lib/core/files.ts', to: 'lib/engine/step.ts' }])).toEqual([
      'lib/core/files.ts imports lib/engine/step.ts',
    ]);
    expect(againstArrows([{ from: 'steps/criu.ts', to: 'tasks/setup.ts' }])).toHaveLength(1);
  });

  test('lets a room use what is beneath it, and tasks use everything', () => {
    expect(
      againstArrows([
        { from: 'lib/engine/step.ts', to: 'lib/core/files.ts' },
        { from: 'tasks/setup.ts', to: 'proofs/docker.ts' },
        { from: 'lib/core/lock.ts', to: 'lib/core/files.ts' },
      ]),
    ).toEqual([]);
  });

  test('sees a circle, with the way around', () => {
    const imports = [
      { from: 'a.ts', to: 'b.ts' },
      { from: 'b.ts', to: 'c.ts' },
      { from: 'c.ts', to: 'b.ts' },
    ];
    expect(circles(imports)).toEqual(['b.ts → c.ts → b.ts']);
  });

  test('sees a file that lies flat in scripts/lib, and a room in the wrong place', () => {
    expect(inNoRoom(['lib/misc.ts', 'lib/proofs/proof.ts', 'core/files.ts', 'lib/core/files.ts', 'main.ts', 'tasks/setup.ts'])).toEqual([
      'lib/misc.ts',
      'lib/proofs/proof.ts',
      'core/files.ts',
    ]);
  });
});
