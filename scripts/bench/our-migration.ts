import path from 'node:path';
import * as z from 'zod';
import { kubeContext } from '../lib/cluster/kubectl.js';
import { Node } from '../lib/cluster/node.js';
import { findContainer, type RunningContainer } from '../lib/cluster/pod.js';
import type { Context } from '../lib/core/context.js';
import { ToolkitError } from '../lib/core/errors.js';
import { BALLAST, clockOf, runsOn } from '../workloads/ballast.js';

const movedSchema = z.object({
  migrations: z
    .array(
      z.object({
        to: z.object({ pod: z.string(), node: z.string() }),
        timeline: z.array(z.object({ stage: z.string(), tookMs: z.number() })),
      }),
    )
    .length(1),
});

/** What a migration took, as its process and its command saw it. */
export interface OurMigration {
  /** The container where it is now. */
  readonly container: RunningContainer;
  /** The longest time that the process did not run, by its own clock, seconds. */
  readonly frozen: number;
  /** Peak memory of the command, bytes. */
  readonly memoryBytes: number;
  /** How long each stage took since the one before, seconds, as the command tells it. */
  readonly stages: Readonly<Record<string, number>>;
}

/** Runs a command, and tells the peak of its memory (proc(5), VmHWM) at the end of standard error. The peak only grows, so the last one counts. */
const WITH_PEAK = [
  '"$@" & child=$!',
  'peak=0',
  'while now=$(sed -n "s/^VmHWM:[^0-9]*\\([0-9]*\\) kB$/\\1/p" "/proc/$child/status" 2>/dev/null) && [ -n "$now" ]; do peak=$now; sleep 0.05; done',
  'wait "$child"; code=$?',
  'echo "peak $peak" >&2; exit "$code"',
].join('\n');

/** Moves the pod of a ballast to another node, by `kubectl checkpoint migrate` as people call it. */
export async function ourMigration(ctx: Context, container: RunningContainer, to: string): Promise<OurMigration> {
  for (const name of [container.node, to]) await new Node(ctx.runner, name).run(['sync']);
  const since = await clockOf(ctx, container);
  const command = ['checkpoint', 'migrate', container.pod, '--to', to, '--force', '--json'];
  // kubectl takes no flags of its own before a plugin's name.
  const inCluster = ['--context', kubeContext(ctx.options.clusterName)];
  const kubectl = path.join(ctx.paths.bin, 'kubectl');
  const { stdout, stderr } = await ctx.runner.run('bash', ['-c', WITH_PEAK, 'bash', kubectl, ...command, ...inCluster]);
  const [moved] = movedSchema.parse(JSON.parse(stdout)).migrations;
  if (moved === undefined) throw new ToolkitError(`pod ${container.pod} was not migrated`);
  const there = await findContainer(ctx, container.namespace, moved.to.pod, BALLAST);
  return {
    container: there,
    frozen: await runsOn(ctx, there, since),
    memoryBytes: readPeak(stderr),
    stages: Object.fromEntries(moved.timeline.map(({ stage, tookMs }) => [stage, tookMs / 1000])),
  };
}

/** The peak out of what was printed last, bytes. @throws ToolkitError when it is not there */
export function readPeak(printed: string): number {
  const kibibytes = Number(/^peak (\d+)$/m.exec(printed)?.[1] ?? 0);
  if (kibibytes === 0) throw new ToolkitError('the memory of kubectl checkpoint migrate could not be read');
  return kibibytes * 1024;
}
