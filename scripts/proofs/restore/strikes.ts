import { kubeContext, kubectl } from '../../lib/cluster/kubectl.js';
import { Node } from '../../lib/cluster/node.js';
import { sharedArchiveFolder } from '../../lib/cluster/shared-folder.js';
import type { Context } from '../../lib/core/context.js';
import { messageOf, ToolkitError } from '../../lib/core/errors.js';
import { until } from '../../lib/core/until.js';
import { move } from './moves.js';
import { NAMESPACE } from './pods.js';

/** Whom a migration goes between. */
export interface Ends {
  readonly from: string;
  readonly to: string;
}

/** A stage of a migration, and by what it is told on a node: a command for bash that succeeds. */
export interface Stage {
  readonly what: string;
  readonly on: (ends: Ends) => string;
  readonly sign: string;
}

const claims = `${sharedArchiveFolder}/migration-*.claim`;
/** In their order. */
export const STAGES = {
  prepared: {
    what: 'once all is prepared',
    on: ({ to }) => to,
    sign: `compgen -G '${sharedArchiveFolder}/migration-*.awaited' >/dev/null`,
  },
  dumping: { what: 'while it is dumped', on: ({ from }) => from, sign: 'pgrep -x criu >/dev/null' },
  taken: { what: 'once the target has taken it', on: ({ to }) => to, sign: `compgen -G '${claims}' >/dev/null` },
  restoring: { what: 'while it is restored', on: ({ to }) => to, sign: 'pgrep -x criu >/dev/null' },
  restored: { what: 'once it is restored', on: ({ to }) => to, sign: `grep -qs '"restored"' ${claims}` },
} as const satisfies Readonly<Record<string, Stage>>;

/** The command for a node that kills a service of it. */
export const kill = (service: string): string => `systemctl kill --kill-whom=main --signal=KILL ${service}`;

/** Moves a pod while something is done to it. @returns what the command said @throws when it could not be done, with the same */
export async function moveStruck(ctx: Context, pod: string, ends: Ends, act: () => Promise<void>): Promise<string> {
  const moving = move(ctx, [pod], ends.to).then(
    () => 'it moved all the same',
    (error: unknown) => [messageOf(error), ...(error instanceof ToolkitError ? error.details : [])].join(': '),
  );
  const struck = await act().then(
    () => undefined,
    (error: unknown) => messageOf(error),
  );
  const said = await moving;
  if (struck !== undefined) throw new ToolkitError('the migration could not be struck', { details: [struck, said] });
  return said.split(': ')[0] ?? said;
}

/** Does something on a node as soon as a stage is reached: at once, for it may be over soon. @param command for bash */
export async function strikeAt(ctx: Context, ends: Ends, stage: Stage, command: string): Promise<void> {
  const script = `for i in $(seq 6000); do if ${stage.sign}; then ${command}; exit; fi; sleep 0.005; done; exit 1`;
  await new Node(ctx.runner, stage.on(ends)).run(['bash', '-c', script], { failure: `it never came to be struck ${stage.what}` });
}

/** Moves a pod by a command of its own, which is killed when a stage is reached. */
export async function killCommandAt(ctx: Context, pod: string, ends: Ends, stage: Stage): Promise<void> {
  const { cache } = ctx.paths;
  const program = ctx.paths.inRoot('scripts', 'run.mjs');
  const args = ['migrate', pod, '--to', ends.to, '--namespace', NAMESPACE, '--context', kubeContext(ctx.options.clusterName)];
  let pid = 0;
  const command = ctx.runner.run('sh', ['-c', 'echo $$; exec node "$@"', 'sh', program, ...args], {
    accept: true,
    env: { KIND_CHECKPOINT_CACHE: cache, CI: '1' },
    onEachLine: (line) => {
      if (pid === 0) pid = Number(line);
    },
  });
  const watch = `for i in $(seq 6000); do ${stage.sign} && { echo now; exit 0; }; sleep 0.005; done; exit 1`;
  const node = new Node(ctx.runner, stage.on(ends));
  const watching = node.run(['bash', '-c', watch], { accept: true, onLine: () => process.kill(pid, 'SIGKILL') });
  const [{ exitCode, stderr }, seen] = await Promise.all([
    command.catch((error: unknown) => ({ exitCode: -1, stderr: messageOf(error) })),
    watching,
  ]);
  if (seen.exitCode !== 0) throw new ToolkitError('the command never came to where it was to be killed', { details: [stage.what, stderr] });
  if (exitCode === 0) throw new ToolkitError('the command came to its end before it was killed', { details: [stderr] });
}

/** Brings a migration that was struck to its end, as the next command does; waits for what is just coming back. */
export async function recover(ctx: Context, pod: string): Promise<void> {
  await until(
    ctx,
    (reason) => new ToolkitError('the migration cannot be brought to an end', { details: [reason] }),
    () =>
      move(ctx, [pod], undefined, { takeOver: true }).then(
        () => '',
        // It has moved to its end, under another name.
        (error: unknown) => (/there is no pod/.test(messageOf(error)) ? '' : messageOf(error)),
      ),
    (reason) => reason === '',
    { patienceMs: 180_000, everyMs: 2000 },
  );
}

/** A task of the proof's namespace on any of the nodes. */
const TASKS = `ids=$(ctr -n k8s.io containers ls -q 'labels."io.kubernetes.pod.namespace"==${NAMESPACE},labels."io.cri-containerd.kind"==container') || exit 1
tasks=$(ctr -n k8s.io tasks ls) || exit 1
for id in $ids; do echo "$tasks" | awk -v id="$id" '$1 == id && $3 != "STOPPED" {print $3}'; done`;

/** Waits until exactly one process of the proof's pods is there on all nodes together, and runs. @returns the pod that it is in */
export async function theOneThatRuns(ctx: Context, nodes: readonly string[], selector: string): Promise<string> {
  const look = async (): Promise<string[]> =>
    (await Promise.all(nodes.map((name) => new Node(ctx.runner, name).run(['bash', '-c', TASKS], { accept: true }))))
      .flatMap(({ stdout, exitCode }) => (exitCode === 0 ? stdout.split('\n').filter(Boolean) : ['no answer']))
      .concat((await pods()).map((name) => `pod ${name}`));
  const pods = async (): Promise<string[]> =>
    (
      await kubectl(ctx, [
        '--namespace',
        NAMESPACE,
        'get',
        'pods',
        '--selector',
        selector,
        '--output',
        'jsonpath={range .items[*]}{.metadata.name}{"\\n"}{end}',
      ])
    ).stdout
      .split('\n')
      .filter(Boolean);
  const seen = await until(
    ctx,
    (found) => new ToolkitError('not exactly one of the two runs', { details: found }),
    look,
    (found) => found.length === 2 && found[0] === 'RUNNING',
    { patienceMs: 90_000, everyMs: 500 },
  );
  return seen[1]?.replace(/^pod /, '') ?? '';
}
