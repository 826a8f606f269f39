import { describe, expect, test } from 'vitest';
import type { Claims } from '../../../../scripts/checkpoint/migrate/claim.js';
import { plotMigrations } from '../../../../scripts/checkpoint/migrate/plot.js';
import { durationsOf, timelineOf } from '../../../../scripts/checkpoint/migrate/timeline.js';

const at = (ms: number): string => new Date(Date.UTC(2026, 0, 2) + ms).toISOString();
const times = (pausedAt: number, dumpedAt: number, takenAt: number, restoredAt: number) => ({
  state: 'restored' as const,
  pausedAt: at(pausedAt),
  dumpedAt: at(dumpedAt),
  takenAt: at(takenAt),
  restoredAt: at(restoredAt),
});
const claims: Claims = new Map([
  ['a', times(1000, 1100, 1105, 1200)],
  ['b', times(1010, 1150, 1210, 1300)],
]);
const seen = { startedAt: Date.UTC(2026, 0, 2), preparedAt: Date.UTC(2026, 0, 2) + 900, removedAt: Date.UTC(2026, 0, 2) + 1500 };

describe('the timeline of a migration', () => {
  test('reaches from the first freeze to the last restore of its containers', () => {
    const timeline = timelineOf(seen, claims);
    expect(timeline.downtimeMs).toBe(300);
    expect(durationsOf(timeline)).toEqual([
      { stage: 'prepared', atMs: 900, tookMs: 900 },
      { stage: 'frozen', atMs: 1000, tookMs: 100 },
      { stage: 'dumped', atMs: 1150, tookMs: 150 },
      { stage: 'handed over', atMs: 1210, tookMs: 60 },
      { stage: 'restored', atMs: 1300, tookMs: 90 },
      { stage: 'source removed', atMs: 1500, tookMs: 200 },
    ]);
  });

  test('has gaps where nobody knows', () => {
    const timeline = timelineOf({ startedAt: seen.startedAt, removedAt: seen.removedAt }, undefined);
    expect(timeline).toMatchObject({ stages: [{ stage: 'source removed' }], downtimeMs: undefined });
  });

  test('is drawn, each stage with its duration, and what stood still once more', () => {
    const svg = plotMigrations([{ title: 'shop/<web> to n2', timeline: timelineOf(seen, claims) }]);
    expect(svg).toMatch(/^<svg [^>]*xmlns=/);
    expect(svg).toContain('shop/&lt;web&gt; to n2, stood still for 300 ms');
    expect(svg.match(/<title>dumped 150 ms<\/title>/g)).toHaveLength(2);
    expect(svg.match(/<title>prepared 900 ms<\/title>/g)).toHaveLength(1);
  });
});
