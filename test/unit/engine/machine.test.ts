import { expect, test } from 'vitest';
import { compilersFor, placesFor, thisMachine } from '../../../scripts/lib/engine/machine.js';

const GB = 1024 ** 3;

test.each([
  { cores: 1, memory: 16, places: 3, compilers: 1 },
  { cores: 2, memory: 4, places: 2, compilers: 2 },
  { cores: 2, memory: 8, places: 3, compilers: 2 },
  { cores: 4, memory: 16, places: 3, compilers: 4 },
  { cores: 8, memory: 8, places: 3, compilers: 5 },
  { cores: 8, memory: 32, places: 5, compilers: 8 },
  { cores: 16, memory: 64, places: 9, compilers: 16 },
  { cores: 2, memory: 1, places: 2, compilers: 1 },
])('$cores cores with $memory GiB have $places places, and $compilers compilers a build', ({ cores, memory, places, compilers }) => {
  expect(placesFor({ cores, memory: memory * GB })).toBe(places);
  expect(compilersFor({ cores, memory: memory * GB })).toBe(compilers);
});

test('this machine has a core and some memory', () => {
  const { cores, memory } = thisMachine();
  expect(cores).toBeGreaterThanOrEqual(1);
  expect(memory).toBeGreaterThan(GB / 4);
});
