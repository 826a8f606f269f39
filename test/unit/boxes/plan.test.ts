import { describe, expect, test } from 'vitest';
import { allBoxes, chosenBoxes, defaultBoxes } from '../../../scripts/boxes/plan.js';
import { systemdBoots } from '../../../scripts/boxes/systems.js';
import { UsageError } from '../../../scripts/lib/core/errors.js';

const names = (boxes: ReadonlyArray<{ readonly name: string }>): string[] => boxes.map(({ name }) => name);

function refusal(...words: string[]): UsageError {
  try {
    chosenBoxes(words);
  } catch (error) {
    expect(error).toBeInstanceOf(UsageError);
    return error as UsageError;
  }
  throw new TypeError(`${words.join(' ')} was taken`);
}

describe('boxes named on the command line', () => {
  test('are systems, or systems with what is special about them', () => {
    const [plain, locked] = chosenBoxes(['debian:12', 'debian:forky+containerd-store']);
    expect(plain).toMatchObject({ name: 'debian:12', system: { suite: 'bookworm' }, case: { name: '' } });
    expect(locked).toMatchObject({ name: 'debian:forky+containerd-store', system: { suite: 'forky' }, case: { name: 'containerd-store' } });
  });

  test('run once each, in their order', () => {
    expect(names(chosenBoxes(['debian:13+apt-lock', 'debian:12', 'debian:13+apt-lock']))).toEqual(['debian:13+apt-lock', 'debian:12']);
  });

  test.each([
    { word: 'debian', message: 'there is no box debian: unknown system debian' },
    { word: 'debian:11', message: 'there is no box debian:11: unknown system debian:11' },
    { word: '+apt-lock', message: 'there is no box +apt-lock: unknown system (none)' },
    { word: 'debian:13+', message: 'there is no box debian:13+: unknown case (none)' },
    { word: 'debian:13+slow', message: 'there is no box debian:13+slow: unknown case slow' },
    { word: 'debian:13+proxy+apt-lock', message: 'there is no box debian:13+proxy+apt-lock: one case at a time' },
    { word: 'debian:13+node-18', message: 'there is no box debian:13+node-18: its apt has Node 20' },
  ])('are refused with the reason: $word', ({ word, message }) => {
    const error = refusal('debian:12', word);
    expect(error.message).toBe(message);
    expect(error.hint).toContain('--list');
  });

  test('are refused with the names that exist', () => {
    expect(refusal('fedora:43').details).toEqual(['systems: debian:12, debian:13, debian:forky, ubuntu:22.04, ubuntu:24.04, ubuntu:26.04']);
    expect(refusal('debian:12+lock').details[0]).toContain('apt-lock, sudo-password');
  });
});

describe('boxes that run when none is named', () => {
  test('are each system as installed, and each case at least once', () => {
    expect(names(defaultBoxes())).toEqual([
      'debian:12',
      'debian:12+node-18',
      'debian:13',
      'debian:13+apt-lock',
      'debian:13+sudo-password',
      'debian:13+proxy',
      'debian:13+mirror-list',
      'debian:13+path-with-space',
      'debian:13+cgroup-v2',
      'debian:forky',
      'debian:forky+containerd-store',
      'ubuntu:22.04',
      'ubuntu:24.04',
      'ubuntu:24.04+node-18',
      'ubuntu:26.04',
    ]);
    expect(names(chosenBoxes([]))).toEqual(names(defaultBoxes()));
  });

  test('are among all that there are', () => {
    expect(names(allBoxes())).toEqual(expect.arrayContaining(names(defaultBoxes())));
    expect(new Set(names(allBoxes())).size).toBe(allBoxes().length);
  });
});

test.each([
  { systemd: 252, cgroups: '1', boots: true },
  { systemd: 255, cgroups: '1', boots: true },
  { systemd: 257, cgroups: '1', boots: false },
  { systemd: 257, cgroups: '2', boots: true },
  { systemd: 252, cgroups: '2', boots: true },
] as const)('systemd $systemd boots on cgroup v$cgroups: $boots', ({ systemd, cgroups, boots }) => {
  expect(systemdBoots(systemd, cgroups)).toBe(boots);
});
