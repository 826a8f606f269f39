import { expect, test } from 'vitest';
import { followPhases, mmdebstrapPhases } from '../../../scripts/lib/build/phases.js';

test('mmdebstrap is followed by what it prints, from phase to phase', () => {
  const told: Array<[number, string | undefined]> = [];
  const line = followPhases((fraction, detail) => told.push([fraction, detail]), mmdebstrapPhases);
  for (const printed of [
    'I: automatically chosen mode: root',
    'I: running apt-get update...',
    'done',
    'I: downloading packages with apt...',
    'I: extracting archives...',
    'I: installing essential packages...',
    'I: installing remaining packages inside the chroot...',
    'I: cleaning package lists and apt cache...',
    'I: creating tarball...',
    'I: success in 58.4668 seconds',
  ])
    line(printed);
  expect(told.map(([, detail]) => detail)).toEqual(mmdebstrapPhases.map(({ name }) => name));
  const fractions = told.map(([fraction]) => fraction);
  expect(fractions).toEqual(fractions.toSorted((a, b) => a - b));
  expect(fractions.every((fraction) => fraction > 0 && fraction < 1)).toBe(true);
});
