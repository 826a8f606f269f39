import { archiveOf } from '../../checkpoint/answer.js';
import { Node } from '../../lib/cluster/node.js';
import { expectSameState, nodeState } from '../../lib/cluster/node-state.js';
import type { RunningContainer } from '../../lib/cluster/pod.js';
import type { Context } from '../../lib/core/context.js';
import { CommandError, ToolkitError } from '../../lib/core/errors.js';
import { runsOn } from '../../workloads/ballast.js';
import type { Proof } from '../proof.js';
import { askBare, containersFolder } from './case.js';

/** How often CRIU is struck at each moment. */
const STRIKES = 5;
/** How many strikes at a moment may come too late, on a machine that is busy. */
const MISSES = 10;
/** A moment at which CRIU has its hands in the process. */
interface Moment {
  readonly what: string;
  /** What CRIU has written to its log by then; nothing: it has just become the tracer of the process. */
  readonly after: string;
  /** It is struck this much later at most, microseconds: not always at the same instruction. */
  readonly within: number;
}
const MOMENTS: readonly Moment[] = [
  { what: 'while it stops the process', after: '', within: 2000 },
  // From here on system calls are made in the process, each by an instruction that is written over its code, and taken out again.
  { what: 'while it injects its code', after: 'Parasite syscall_ip at', within: 400 },
  { what: 'while its code runs', after: 'switched to daemon mode', within: 2000 },
  { what: 'while it takes its code out', after: 'exited trapping', within: 400 },
];

/** What is said of a tracer that has done its work before it was struck. */
const TOO_LATE = 'the tracer is gone';

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
  kill 'KILL', $tracer or die "${TOO_LATE}\\n";
`;

/**
 * Kills CRIU again and again while it has its hands in the process. containerd can do nothing then: the kernel lets the process go on
 * from wherever it is. That it lives on is what our CRIU's guard does (images/criu/patches); without it, half of the processes that are
 * struck while code is injected end with exit code 133.
 */
export async function proveFirstPhase(ctx: Context, proof: Proof, container: RunningContainer): Promise<void> {
  const { node } = container;
  for (const moment of MOMENTS) {
    await proof.show(`CRIU is killed ${moment.what}, ${STRIKES} times: the process goes on`, async () => {
      const before = await nodeState(ctx, node, [container]);
      const process = await processOf(ctx, container);
      for (let struck = 0, missed = 0; struck < STRIKES; ) {
        if (await strikeOnce(ctx, container, process, moment)) struck += 1;
        else if (++missed > MISSES) throw new ToolkitError(`${missed} strikes came too late, and ${struck} in time`);
        await runsOn(ctx, container, 0);
      }
      await expectSameState(ctx, node, before);
      return { seen: `${STRIKES} of ${STRIKES} lived on`, value: undefined };
    });
  }
}

/**
 * @param process ID of the container's process on its node
 * @returns false when it came too late, and the checkpoint was made: its archive is removed
 */
async function strikeOnce(ctx: Context, container: RunningContainer, process: string, { after, within }: Moment): Promise<boolean> {
  const node = new Node(ctx.runner, container.node);
  const log = `${containersFolder}/${container.id}/ctrd-checkpoint/dump.log`;
  const later = String(Math.floor(Math.random() * within));
  let strike: Promise<unknown> = Promise.resolve();
  await new Promise<void>((ready, failed) => {
    strike = node.run(['perl', '-e', STRIKE, process, log, after, later], {
      failure: 'CRIU could not be struck in its first phase',
      onLine: () => ready(),
    });
    strike.catch(failed);
  });
  const [answer, struck] = await Promise.all([
    askBare(ctx, container),
    strike.then(
      () => true,
      (error: unknown) => {
        if (error instanceof CommandError && error.output.includes(TOO_LATE)) return false;
        throw error;
      },
    ),
  ]);
  if (answer.status === 200) {
    await node.remove(archiveOf(answer));
    return false;
  }
  if (answer.status !== 500) throw new ToolkitError(`the kubelet answered ${answer.status}, not 500`, { details: [answer.body] });
  if (!struck) throw new ToolkitError('the checkpoint failed, and not by the strike', { details: [answer.body] });
  if (!answer.body.includes('CRIU ended'))
    throw new ToolkitError('the error does not say what that may have cost', { details: [answer.body] });
  return true;
}

/** ID of the container's process on its node. */
async function processOf(ctx: Context, { node, id }: RunningContainer): Promise<string> {
  const tasks = await new Node(ctx.runner, node).tasks();
  const task = tasks.find((one) => one.id === id);
  if (task === undefined) throw new ToolkitError('the container has no process', { details: tasks.map((one) => one.id) });
  return String(task.pid);
}
