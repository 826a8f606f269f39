import os from 'node:os';
import path from 'node:path';
import type { Access } from '../checkpoint/migrate/open.js';
import { plotMigrations } from '../checkpoint/migrate/plot.js';
import { migratePods, notAllMoved } from '../checkpoint/migrate/pods.js';
import { transferProgress } from '../lib/cli/progress.js';
import type { Invocation } from '../lib/cli/task.js';
import type { Context } from '../lib/core/context.js';
import { writeAtomically } from '../lib/core/files.js';
import type { Kube } from '../lib/kube/client.js';
import { reachNode } from '../lib/kube/reach.js';
import { chooseRoute } from './checkpoint-pod.js';
import { readOutput } from './fetch.js';
import { drawnOf, migratedJson, migratedText } from './migrate-view.js';
import type { migrate } from './verbs/migrate.js';

/** What a migration works with. */
export interface MigrateJob extends Pick<Invocation<Record<string, never>>, 'print' | 'printJson'> {
  readonly ctx: Context;
  readonly kube: Kube;
  readonly namespace: string;
  readonly access: Access;
}

/** Migrates pods as the words said it, and tells what became of them. @throws the errors of those that did not move, when all is told */
export async function runMigrate(
  { ctx, kube, namespace, access, print, printJson }: MigrateJob,
  { via, plot, ...command }: ReturnType<typeof migrate.read>,
): Promise<undefined> {
  const picture = plot === undefined ? undefined : (await readOutput(plot))('migration.svg').file;
  // A kubelet is asked from a node of its own cluster: any of them tells which that is.
  const route = await chooseRoute(ctx, kube, via, () => reachNode(ctx, kube, command.to ?? ''));
  const by = `${os.hostname()}/${process.pid}`;
  const { done, failed } = await migratePods(ctx, kube, route, access, { ...command, namespace, by }, (total) =>
    transferProgress(ctx, 'archive', total),
  );
  for (const outcome of done) print(migratedText(outcome));
  const drawn = drawnOf(done);
  if (picture !== undefined && drawn.length > 0) {
    await writeAtomically(picture, plotMigrations(drawn));
    print(`drawn: ${path.relative(process.cwd(), picture)}`);
  }
  printJson({ migrations: done.map(migratedJson), failed: failed.map(({ pod, error }) => ({ pod, error: String(error) })) });
  if (failed.length > 0) throw notAllMoved(failed);
  return undefined;
}
