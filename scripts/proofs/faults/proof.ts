import { archiveOf } from '../../checkpoint/answer.js';
import { kubeletRoute, subresourceRoute } from '../../checkpoint/routes.js';
import { kubeContext } from '../../lib/cluster/kubectl.js';
import { archiveFolder, type HttpAnswer } from '../../lib/cluster/kubelet.js';
import { controlPlane, Node } from '../../lib/cluster/node.js';
import { findContainer, type RunningContainer } from '../../lib/cluster/pod.js';
import { type Context, secondsSince } from '../../lib/core/context.js';
import { expectSame, messageOf, ToolkitError } from '../../lib/core/errors.js';
import type { RunResult } from '../../lib/core/runner.js';
import { connect } from '../../lib/kube/client.js';
import { BALLAST, type Ballasts, dropBallast, makeBallasts, podOf, SIZE_NAMES } from '../../workloads/ballast.js';
import type { Proof } from '../proof.js';
import { askBare, containersFolder, proveCase, type Seen, strikeDump, strikeWriting } from './case.js';
import { peakOf } from './disk.js';
import { expectFinishedDump, expectKeptLog, removeKeptLogs } from './kept-log.js';
import { proveFirstPhase } from './phases.js';

/** Checkpoints in a row. */
const ROW = 10;
/** How long CRIU may hang before it is ended, and how long that may take then, seconds. */
const HANGS = { least: 20, most: 60 };
/** How much of the disk a checkpoint may take at most, as a multiple of the memory dumped. */
const DISK = 2;

/**
 * Proves that a checkpoint leaves its container running and its node as it was, whatever happens in the middle of it. Nothing helps the
 * runtime on the way.
 */
export async function proveHardCases(ctx: Context, proof: Proof): Promise<void> {
  const node = await controlPlane(ctx);
  try {
    const pods = await proof.show(`four pods hold memory: ${SIZE_NAMES.join(', ')}`, async () => ({
      seen: `on ${node}`,
      value: await makeBallasts(ctx, node),
    }));
    await proveFirstPhase(ctx, proof, pods.small);
    await proveWhole(ctx, proof, pods['1 GiB']);
    await proveKilled(ctx, proof, pods['1 GiB']);
    await proveLeft(ctx, proof, pods['1 GiB']);
    await proveHanging(ctx, proof, pods['1 GiB']);
    await proveSecond(ctx, proof, pods['1 GiB']);
    await proveFullDisk(ctx, proof, pods['256 MiB']);
    await proveMany(ctx, proof, pods);
    await proof.show('after all that none was restarted', async () => {
      const counts = await Promise.all(
        SIZE_NAMES.map(async (size) => (await findContainer(ctx, 'default', podOf(size), BALLAST)).restartCount),
      );
      for (const [index, count] of counts.entries()) expectSame(count, 0, `restartCount with ${SIZE_NAMES[index]}`);
      return { seen: counts.join(', '), value: undefined };
    });
  } finally {
    await dropBallast(ctx);
    // Archives of a case that did not hold, or was stopped.
    const archives = SIZE_NAMES.map((size) => `${archiveFolder}/checkpoint-${podOf(size)}_default-${BALLAST}-`);
    const later = new Node(ctx.cleanupRunner, node);
    await later.run(['sh', '-c', archives.map((archive) => `rm -f ${archive}*`).join('; ')]);
    const owners = SIZE_NAMES.map((size) => ({ pod: podOf(size) }));
    await removeKeptLogs(later, owners);
  }
}

async function proveWhole(ctx: Context, proof: Proof, container: RunningContainer): Promise<void> {
  await proveCase(ctx, proof, '1 GiB takes no more of the disk than twice the memory', [container], async () => {
    const { value: answer, peak } = await peakOf(ctx, container.node, () => askBare(ctx, container));
    const archive = archiveOf(answer);
    const script = `tar --force-local -tvf "$1" | awk '$NF ~ /checkpoint\\/pages-/ {sum += $3} END {print sum}'`;
    const memory = Number((await new Node(ctx.runner, container.node).run(['sh', '-c', script, 'sh', archive])).stdout);
    const ratio = peak / memory;
    if (!(ratio > 1 && ratio <= DISK)) throw new ToolkitError(`${peak} bytes at the peak are ${ratio.toFixed(3)} × the ${memory} dumped`);
    return { seen: `${ratio.toFixed(3)} × ${(memory / 2 ** 20).toFixed(0)} MiB at the peak`, archives: [archive] };
  });
}

/** Someone is killed or goes away in the middle: the call fails, and nothing else happens. */
async function proveKilled(ctx: Context, proof: Proof, container: RunningContainer): Promise<void> {
  const { node } = container;
  const cases: ReadonlyArray<readonly [what: string, strike: () => Promise<void>]> = [
    ['CRIU is killed while it writes memory', () => strikeDump(ctx, container, 'pkill -KILL -x criu')],
    ['containerd is killed in the middle', () => strikeDump(ctx, container, 'systemctl kill --kill-whom=main --signal=KILL containerd')],
    [
      'containerd is killed while it writes the archive',
      () => strikeWriting(ctx, node, 'systemctl kill --kill-whom=main --signal=KILL containerd'),
    ],
    ['the kubelet is killed in the middle', () => strikeDump(ctx, container, 'systemctl kill --kill-whom=main --signal=KILL kubelet')],
  ];
  for (const [what, strike] of cases) {
    await proveCase(ctx, proof, what, [container], async () => {
      const asked = askBare(ctx, container).then(refusal, (error: unknown) => `no answer (${messageOf(error)})`);
      await strike();
      return { seen: await asked };
    });
  }
}

/** A dump that nobody waits for any more is not cut off: that could kill the process. */
async function proveLeft(ctx: Context, proof: Proof, container: RunningContainer): Promise<void> {
  await proveCase(
    ctx,
    proof,
    'the client goes away in the middle: the dump comes to its end, and no archive is left',
    [container],
    async () => {
      await removeKeptLogs(new Node(ctx.runner, container.node), [container]);
      const asked = askBare(ctx, container).then(
        ({ status }) => {
          throw new ToolkitError(`the client did not go away: ${status}`);
        },
        () => undefined,
      );
      await strikeDump(ctx, container, `pkill -KILL -f '^curl .*${kubeletRoute(container)}'`);
      await asked;
      return { seen: await expectFinishedDump(ctx, container) };
    },
  );
}

/** A dump that makes no progress is ended, and says what that may have cost. */
async function proveHanging(ctx: Context, proof: Proof, container: RunningContainer): Promise<void> {
  await proveCase(ctx, proof, 'CRIU hangs: it is ended, and the error says why', [container], async () => {
    const asked = askBare(ctx, container);
    await strikeDump(ctx, container, 'pkill -STOP -x criu');
    const start = ctx.clock.now();
    const answer = await asked;
    const seconds = secondsSince(ctx.clock, start);
    const said = refusal(answer);
    for (const word of ['CRIU made no progress for 20s', 'was killed', 'may be damaged']) {
      if (!said.includes(word)) throw new ToolkitError(`the error does not say: ${word}`, { details: [said] });
    }
    if (!(seconds >= HANGS.least && seconds <= HANGS.most)) throw new ToolkitError(`it was ended after ${seconds} s`);
    const last = await expectKeptLog(new Node(ctx.runner, container.node), answer.body);
    return { seen: `after ${seconds.toFixed(1)} s; CRIU’s last words are in the error and on the node: ${last}` };
  });
}

/** What was answered to a checkpoint that cannot have been made. */
function refusal({ status, body }: HttpAnswer): string {
  if (status !== 500) throw new ToolkitError(`the kubelet answered ${status}, not 500`, { details: [body] });
  return reasonIn(body);
}

async function proveSecond(ctx: Context, proof: Proof, container: RunningContainer): Promise<void> {
  await proveCase(ctx, proof, 'a second call while one runs is told so: 409 at the API', [container], async () => {
    const kube = await connect(ctx.env, { context: kubeContext(ctx.options.clusterName) });
    const first = askBare(ctx, container);
    try {
      await strikeDump(ctx, container, 'true');
      const [atKubelet, atApi] = await Promise.all([
        askBare(ctx, container),
        kube.ask('POST', subresourceRoute(container), { query: {}, timeoutMs: 60_000 }),
      ]);
      const said = refusal(atKubelet);
      if (!said.includes('is already in progress')) throw new ToolkitError('the kubelet does not say why', { details: [said] });
      expectSame(atApi.status, 409, 'status at the API');
      return { seen: said, archives: [archiveOf(await first)] };
    } finally {
      await first.catch(() => undefined);
    }
  });
}

async function proveFullDisk(ctx: Context, proof: Proof, container: RunningContainer): Promise<void> {
  const cases: ReadonlyArray<readonly [what: string, folder: string]> = [
    ['no room for the dump', `${containersFolder}/${container.id}`],
    ['no room for the archive', archiveFolder],
  ];
  for (const [what, folder] of cases) {
    await proveCase(ctx, proof, what, [container], () =>
      withoutRoom(ctx, container.node, folder, async () => {
        const said = refusal(await askBare(ctx, container));
        if (!/no space left/i.test(said)) throw new ToolkitError('the reason is not given', { details: [said] });
        return { seen: said };
      }),
    );
  }
}

/** Does something while a folder of a node has room for 64 MiB; small files that it holds are there meanwhile, large ones are not. */
async function withoutRoom(ctx: Context, node: string, folder: string, act: () => Promise<Seen>): Promise<Seen> {
  const inNode = (script: string, runner = ctx.runner): Promise<RunResult> =>
    new Node(runner, node).run(['sh', '-ec', script, 'sh', folder]);
  const small = 'find . -type f -size -64k -print0 | tar --null --files-from=- -cf -';
  try {
    await inNode(`cd "$1"; mount -t tmpfs -o size=64m,mode=0700 tmpfs "$1"; ${small} | tar -xf - -C "$1"`);
    const before = (await inNode('cd "$1"; find . -type f')).stdout;
    const seen = await act();
    expectSame((await inNode('cd "$1"; find . -type f')).stdout, before, `files in ${folder}`);
    return seen;
  } finally {
    await inNode('if mountpoint -q "$1"; then umount "$1"; fi', ctx.cleanupRunner);
  }
}

async function proveMany(ctx: Context, proof: Proof, pods: Ballasts): Promise<void> {
  const { small, '64 MiB': some } = pods;
  await proveCase(ctx, proof, 'two calls within a second give two archives', [small], async () => {
    const archives: string[] = [];
    for (;;) {
      // From the beginning of a second on.
      await ctx.clock.sleep(1000 - (ctx.clock.now() % 1000), ctx.signal);
      const pair = [archiveOf(await askBare(ctx, small)), archiveOf(await askBare(ctx, small))];
      archives.push(...pair);
      const [first, second] = pair.map((archive) => archive.replace(/^.*T([0-9:]+).*$/, '$1'));
      if (first === second) return { seen: pair.map((archive) => archive.slice(archive.lastIndexOf('T') + 1)).join(', '), archives };
      if (archives.length >= ROW) throw new ToolkitError('two checkpoints do not fit into a second here', { details: archives });
    }
  });
  await proveCase(ctx, proof, `${ROW} in a row give ${ROW} archives`, [some], async () => {
    const archives: string[] = [];
    for (let round = 0; round < ROW; round++) archives.push(archiveOf(await askBare(ctx, some)));
    return { seen: `${archives.length} archives`, archives };
  });
  const all = Object.values(pods);
  await proveCase(ctx, proof, 'four containers at once give four archives', all, async () => {
    const archives = (await Promise.all(all.map((container) => askBare(ctx, container)))).map(archiveOf);
    return { seen: `${archives.length} archives`, archives };
  });
}

/** What an error of the kubelet tells, on one line: its frame, paths, long IDs and CRIU's log say nothing here. */
function reasonIn(text: string): string {
  return text
    .replace(/\s+/g, ' ')
    .replace(/^.* desc = /, '')
    .replace(/ CRIU's log .*$/, '')
    .replace(/"?[0-9a-f]{64}"?/g, '…')
    .replace(/\/[^ ]*\/…(?=\/)/g, '…')
    .replace(/\)$/, '');
}
