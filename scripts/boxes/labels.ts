import type { Context } from '../lib/core/context.js';
import { isAlive } from '../lib/core/process.js';

/** On everything that boxes put into the host's Docker engine: the instance whose it is. */
const INSTANCE = 'kind-checkpoint.boxes.instance';
/** The process whose run it belongs to. */
const RUN = 'kind-checkpoint.boxes.run';
/** The box that it belongs to; absent where several share it. */
const BOX = 'kind-checkpoint.boxes.box';
/** There when the user wants to look inside after the run. */
const KEEP = 'kind-checkpoint.boxes.keep';

/** Repository of the images; the tag starts with the process ID of the run, for `docker image ls` does not tell labels. */
const REPOSITORY = 'kind-checkpoint-box';

/** Name of the image of a system in a run. */
export function imageOf(system: string, pid: number = process.pid): string {
  return `${REPOSITORY}:${pid}-${system.replaceAll(/[^a-z0-9.]/g, '-')}`;
}

/** Labels of what a run makes, as `KEY=VALUE`. */
export function labelsOf(
  { options }: Pick<Context, 'options'>,
  { box, keep = false }: { box?: string; keep?: boolean } = {},
  pid: number = process.pid,
): string[] {
  return [
    `${INSTANCE}=${options.instance}`,
    `${RUN}=${pid}`,
    ...(box === undefined ? [] : [`${BOX}=${box}`]),
    ...(keep ? [`${KEEP}=yes`] : []),
  ];
}

/** Labels as flags of `docker run`, `docker volume create`, `docker network create`. */
export function labelFlags(labels: readonly string[]): string[] {
  return labels.flatMap((label) => ['--label', label]);
}

const format = (id: string, run: string): string[] => ['--format', `${id}|${run}|{{.Label "${KEEP}"}}`];
const runLabel = `{{.Label "${RUN}"}}`;

/** Kinds of things, in the order in which they can be removed. */
const KINDS: ReadonlyArray<{ readonly list: readonly string[]; readonly remove: readonly string[] }> = [
  { list: ['ps', '--all', ...format('{{.ID}}', runLabel)], remove: ['rm', '--force', '--volumes'] },
  { list: ['network', 'ls', ...format('{{.ID}}', runLabel)], remove: ['network', 'rm'] },
  { list: ['volume', 'ls', ...format('{{.Name}}', runLabel)], remove: ['volume', 'rm'] },
  { list: ['image', 'ls', '--format', '{{.Repository}}:{{.Tag}}|{{.Tag}}|'], remove: ['image', 'rm'] },
];

/**
 * Whose things are to go: those of a run, or of one of its boxes; `abandoned` those of runs that are gone, but for what was kept on
 * purpose; `all` those of this instance.
 */
export type Whose = { readonly run: number; readonly box?: string } | 'abandoned' | 'all';

/** Removes boxes, with their networks, volumes and images. Works after the run has been stopped. What is in use stays. */
export async function removeBoxes({ cleanupRunner, options }: Pick<Context, 'cleanupRunner' | 'options'>, whose: Whose): Promise<void> {
  const labels = [`${INSTANCE}=${options.instance}`];
  if (typeof whose === 'object') labels.push(`${RUN}=${whose.run}`);
  if (typeof whose === 'object' && whose.box !== undefined) labels.push(`${BOX}=${whose.box}`);
  const filters = labels.flatMap((label) => ['--filter', `label=${label}`]);
  const goes = (run: string | undefined, keep: string | undefined): boolean =>
    whose !== 'abandoned' || (keep !== 'yes' && !isAlive(Number.parseInt(run ?? '', 10)));
  for (const { list, remove } of KINDS) {
    const { stdout } = await cleanupRunner.run('docker', [...list, ...filters]);
    const rows = stdout.split('\n').map((line) => line.split('|'));
    const ids = rows.flatMap(([id = '', run, keep]) => (id !== '' && goes(run, keep) ? [id] : []));
    // A kept box holds its image: refused, and rightly so.
    if (ids.length > 0) await cleanupRunner.run('docker', [...remove, ...ids], { accept: true });
  }
}
