import path from 'node:path';
import type { Context } from '../../lib/core/context.js';
import { ToolkitError } from '../../lib/core/errors.js';
import { holdLock } from '../../lib/core/lock.js';
import type { Kube } from '../../lib/kube/client.js';
import type { Route } from '../request.js';
import type { TransferProgress } from '../transfer.js';
import { type MigrationRequest, type Moved, migratePod, type NotMoved } from './course.js';
import { type Access, withSurroundings } from './open.js';
import type { Surroundings } from './surroundings.js';

/** Pods that move in one go, as the user asked for it. */
export interface PodsMigration extends Omit<MigrationRequest, 'pod'> {
  readonly pods: readonly string[];
}

/** What became of each pod. */
export interface Outcomes {
  readonly done: ReadonlyArray<Moved | NotMoved>;
  readonly failed: ReadonlyArray<{ readonly pod: string; readonly error: unknown }>;
}

/**
 * How many pods move at the same time. Each has its memory twice for a moment, in itself and in what is dumped; and a dump that has to share
 * the processors with many others takes longer, in which its process stands still.
 */
const AT_ONCE = 2;

/** Migrates pods; what becomes of one does not hold up the others. A run that is stopped begins no further one. */
export async function migratePods(
  ctx: Context,
  kube: Kube,
  route: Route,
  access: Access,
  { pods, ...request }: PodsMigration,
  progressOf: (total: number) => TransferProgress,
): Promise<Outcomes> {
  const done: Array<Moved | NotMoved> = [];
  const failed: Array<{ pod: string; error: unknown }> = [];
  const waiting = [...pods];
  await withSurroundings(ctx, kube, route, access, progressOf, async (around) => {
    const worker = async (): Promise<void> => {
      for (let pod = waiting.shift(); pod !== undefined && !ctx.signal.aborted; pod = waiting.shift()) {
        try {
          done.push(await oneAtATime(around, { ...request, pod }));
        } catch (error) {
          failed.push({ pod, error });
        }
      }
    };
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, pods.length) }, worker));
  });
  return { done, failed };
}

/** One command at a time for each pod, on this machine. */
async function oneAtATime(around: Surroundings, request: MigrationRequest): Promise<Moved | NotMoved> {
  const { ctx } = around;
  const release = await holdLock(path.join(ctx.paths.locks, `migrate-${request.namespace}-${request.pod}`), ctx);
  try {
    return await migratePod(around, request);
  } finally {
    await release();
  }
}

/** The error for several pods of which some have not moved. */
export function notAllMoved(failed: Outcomes['failed']): unknown {
  const [first] = failed;
  if (failed.length === 1) return first?.error;
  return new AggregateError(
    failed.map(({ pod, error }) =>
      error instanceof ToolkitError ? error : new ToolkitError(`pod ${pod}: ${String(error)}`, { cause: error }),
    ),
  );
}
