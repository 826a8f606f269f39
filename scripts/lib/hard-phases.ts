import { BALLAST, makeBallast, runsOn, SIZES } from './ballast.js';
import type { Context } from './context.js';
import { ToolkitError } from './errors.js';
import { askBare, containersFolder } from './hard-case.js';
import { kubectl } from './kubectl.js';
import { onNode } from './node.js';
import { expectSameState, nodeState } from './node-state.js';
import { findContainer, type RunningContainer } from './pod.js';
import type { Proof } from './proof.js';
import { until } from './until.js';

/** How often CRIU is struck at each moment. */
const STRIKES = 5;
/** How long a process that is damaged may go on before it ends by that, milliseconds. */
const SETTLE = 1000;
/** A moment of CRIU's first phase, before memory is written. */
interface Moment {
  readonly what: string;
  /** What CRIU has written to its log by then; nothing: it has just become the tracer of the process. */
  readonly after: string;
  /** It is struck this much later at most, microseconds: not always at the same instruction. */
  readonly within: number;
  /** Whether the process can have been damaged. */
  readonly deadly: boolean;
}
const MOMENTS: readonly Moment[] = [
  { what: 'while it stops the process', after: '', within: 2000, deadly: false },
  // From here on system calls are made in the process, each by an instruction that is written over its code, and taken out again.
  { what: 'while it injects its code', after: 'Parasite syscall_ip at', within: 400, deadly: true },
  { what: 'while its code runs', after: 'switched to daemon mode', within: 2000, deadly: false },
];

/**
 * For perl(1): waits until a process is traced, and the tracer has written something to its log, and kills the tracer a little later.
 * A shell is too slow: it all takes milliseconds.
 */
const STRIKE = `
  use Time::HiRes qw(time);
  my ($process, $log, $after, $later) = @ARGV;
  $| = 1;
  print "ready\\n";
  my ($until, $tracer, $text, $file) = (time + 30, 0, '');
  until ($tracer) {
    die "nobody traces the process\\n" if time > $until;
    open $file, '<', "/proc/$process/status" or die "process $process: $!\\n";
    /^TracerPid:\\s*(\\d+)/ and $tracer = $1 while <$file>;
  }
  until (open $file, '<', $log) { die "$log: $!\\n" if time > $until }
  until (index($text, $after) >= 0) {
    die "no line with $after in $log\\n" if time > $until;
    sysread $file, $text, 65536, length $text;
  }
  my $at = time + $later / 1e6;
  1 while time < $at;
  kill 'KILL', $tracer or die "tracer $tracer: $!\\n";
`;

/**
 * Kills CRIU again and again in its first phase, and tells what became of the process. That is the one thing that containerd cannot
 * prevent: CRIU runs code of its own in the process then, and the kernel lets the process go on from wherever it is when CRIU dies.
 * What must hold: the call fails, the container runs on or was restarted, it is not left paused, and nothing is left on the node.
 * @returns the container as it is afterwards
 */
export async function proveFirstPhase(ctx: Context, proof: Proof, container: RunningContainer): Promise<RunningContainer> {
  let current = container;
  for (const moment of MOMENTS) {
    const what = moment.deadly
      ? `CRIU is killed ${moment.what}: the container goes on, or is restarted`
      : `CRIU is killed ${moment.what}: the container goes on`;
    current = await proof.show(what, async () => {
      const codes: number[] = [];
      let struck = current;
      for (let round = 0; round < STRIKES; round++) {
        const code = await strikeOnce(ctx, struck, moment);
        if (code === undefined) continue;
        if (!moment.deadly) throw new ToolkitError(`the process ended with exit code ${code}`);
        codes.push(code);
        // Made anew: a container that has ended several times is kept waiting.
        struck = await makeBallast(ctx, struck.pod, SIZES.small, struck.node);
      }
      const lived = `${STRIKES - codes.length} of ${STRIKES} lived on`;
      return { seen: codes.length === 0 ? lived : `${lived}, the others ended with exit code ${codes.join(', ')}`, value: struck };
    });
  }
  return current;
}

/** @returns the exit code of the process when it did not survive */
async function strikeOnce(ctx: Context, container: RunningContainer, { after, within }: Moment): Promise<number | undefined> {
  const { node, id, pod, restartCount } = container;
  const before = await nodeState(ctx, node, [container]);
  const process = await processOf(ctx, container);
  const log = `${containersFolder}/${id}/ctrd-checkpoint/dump.log`;
  const later = String(Math.floor(Math.random() * within));
  let strike: Promise<unknown> = Promise.resolve();
  await new Promise<void>((ready, failed) => {
    strike = onNode(ctx, node, ['perl', '-e', STRIKE, process, log, after, later], {
      failure: 'CRIU could not be struck in its first phase',
      onLine: () => ready(),
    });
    strike.catch(failed);
  });
  const [{ status, body }] = await Promise.all([askBare(ctx, container), strike]);
  if (status !== 500) throw new ToolkitError(`the kubelet answered ${status}, not 500`, { details: [body] });
  if (!body.includes('CRIU ended')) throw new ToolkitError('the error does not say what that may have cost', { details: [body] });
  await ctx.clock.sleep(SETTLE, ctx.signal);
  const now = await until(
    ctx,
    `the container of pod ${pod} runs`,
    () => running(ctx, container),
    (found) => found !== undefined,
  );
  if (now === undefined || now.restartCount === restartCount) {
    await runsOn(ctx, container, 0);
    await expectSameState(ctx, node, before);
    return undefined;
  }
  // Its own things have changed places with those of the new one.
  await expectSameState(ctx, node, { ...before, dead: [...before.dead, id, now.id] });
  const path = 'jsonpath={.status.containerStatuses[0].lastState.terminated.exitCode}';
  return Number((await kubectl(ctx, ['get', 'pod', pod, '--output', path])).stdout);
}

/** The container, if its process runs, or that of the one that has taken its place. */
async function running(ctx: Context, { pod, node }: RunningContainer): Promise<RunningContainer | undefined> {
  const found = await findContainer(ctx, 'default', pod, BALLAST).catch(() => undefined);
  if (found === undefined) return undefined;
  const { stdout } = await onNode(ctx, node, ['ctr', '--namespace=k8s.io', 'tasks', 'ls'], { accept: true });
  return stdout.split('\n').some((line) => line.startsWith(found.id) && /\bRUNNING\b/.test(line)) ? found : undefined;
}

/** ID of the container's process on its node. */
async function processOf(ctx: Context, { node, id }: RunningContainer): Promise<string> {
  const { stdout } = await onNode(ctx, node, ['ctr', '--namespace=k8s.io', 'tasks', 'ls']);
  const process = new RegExp(`^${id}\\s+(\\d+)`, 'm').exec(stdout)?.[1];
  if (process === undefined) throw new ToolkitError('the container has no process', { details: [stdout] });
  return process;
}
