import { defineConfig } from 'vitest/config';
import { EngineFirst } from './test/support/sequencer.js';

const HOUR = 60 * 60 * 1000;

export default defineConfig({
  test: {
    sequence: { sequencer: EngineFirst },
    projects: [
      { test: { name: 'unit', include: ['test/unit/**/*.test.ts'], testTimeout: 30_000 } },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          // One machine, one Docker engine, one cluster: the files take turns.
          fileParallelism: false,
          testTimeout: HOUR,
          hookTimeout: HOUR,
        },
      },
      {
        test: {
          name: 'boxes',
          include: ['test/boxes/**/*.test.ts'],
          // After the others: a box finds what they built in Go's caches.
          sequence: { groupOrder: 1 },
          testTimeout: 2 * HOUR,
        },
      },
    ],
  },
});
