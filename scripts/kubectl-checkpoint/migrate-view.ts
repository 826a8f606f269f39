import type { Moved, NotMoved } from '../checkpoint/migrate/course.js';
import { type Drawn, format } from '../checkpoint/migrate/plot.js';
import { durationsOf } from '../checkpoint/migrate/timeline.js';
import type { Json } from '../lib/core/json.js';

/** What became of a pod, for people. */
export function migratedText(outcome: Moved | NotMoved): string {
  return outcome.outcome === 'moved' ? movedText(outcome) : notMovedText(outcome);
}

function notMovedText({ outcome, namespace, pod, node }: NotMoved): string {
  if (outcome === 'nothing to do') return `pod ${namespace}/${pod} is in no migration: it runs on node ${node ?? '?'}`;
  if (node === undefined) return `pod ${namespace}/${pod} is gone: what was left of its migration was removed`;
  return `the migration of pod ${namespace}/${pod} was taken back: it runs on, on node ${node}`;
}

function movedText({ journal, timeline, begunBefore }: Moved): string {
  const { namespace, source, target } = journal;
  const first = `${begunBefore ? 'finished the migration of' : 'migrated'} pod ${namespace}/${source.pod} from node ${source.node} to node ${target.node}: it is pod ${target.pod} now`;
  const rows = durationsOf(timeline).map(
    ({ stage, atMs, tookMs }) => `  ${stage.padEnd(15)} ${`+${format(tookMs)}`.padStart(9)}   at ${format(atMs)}`,
  );
  const still = timeline.downtimeMs === undefined ? [] : [`its processes stood still for ${format(timeline.downtimeMs)}`];
  return [first, ...(begunBefore ? [] : rows), ...still].join('\n');
}

/** The same, for programs. */
export function migratedJson(outcome: Moved | NotMoved): Json {
  if (outcome.outcome !== 'moved')
    return { outcome: outcome.outcome, namespace: outcome.namespace, pod: outcome.pod, node: outcome.node ?? null };
  const { journal, timeline, begunBefore } = outcome;
  const { namespace, source, target, containers } = journal;
  return {
    outcome: 'moved',
    namespace,
    from: { node: source.node, pod: source.pod },
    to: { node: target.node, pod: target.pod },
    containers: [...containers],
    begunBefore,
    startedAt: new Date(timeline.startedAt).toISOString(),
    timeline: durationsOf(timeline).map((entry) => ({ ...entry })),
    downtimeMs: timeline.downtimeMs ?? null,
  };
}

/** The migrations of which there is something to draw. */
export function drawnOf(outcomes: ReadonlyArray<Moved | NotMoved>): Drawn[] {
  return outcomes
    .filter((outcome) => outcome.outcome === 'moved')
    .map(({ journal, timeline }) => ({ title: `${journal.namespace}/${journal.source.pod} to ${journal.target.node}`, timeline }));
}
