import { existsSync } from 'node:fs';
import type { Context } from './context.js';
import { ToolkitError } from './errors.js';
import { asRoot } from './runner.js';
import { until } from './until.js';

const PID_FILE = '/var/run/docker-ssd.pid';
const LOG = '/var/log/docker.log';
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
/** How long a starting engine may take to answer, milliseconds. */
const START_TIMEOUT = 30_000;

/** Version of the engine's server, or undefined when none answers; the answer's text tells why. */
export async function engineVersion({ runner }: Pick<Context, 'runner'>): Promise<{ version: string | undefined; answer: string }> {
  try {
    const { stdout, stderr, exitCode } = await runner.run('docker', ['version', '--format', '{{.Server.Version}}'], { accept: true });
    return { version: exitCode === 0 ? stdout : undefined, answer: stderr };
  } catch (error) {
    return { version: undefined, answer: error instanceof Error ? error.message : String(error) };
  }
}

/** True when the engine runs and does not let this user talk to it. */
export function deniesAccess(answer: string): boolean {
  return /permission denied/i.test(answer);
}

/** Starts the engine: through systemd where it runs, else as Debian's init script does, whose `status` and `stop` go on working. */
export async function startEngine(ctx: Context): Promise<void> {
  if (systemdRuns()) {
    await asRootRun(ctx, 'systemctl', ['start', 'docker']);
  } else {
    // The init script itself first raises limits, and fails on hosts that lack CAP_SYS_RESOURCE.
    const command = `touch ${LOG} && PATH=${PATH} start-stop-daemon --start --oknodo --background --no-close --exec /usr/sbin/dockerd --pidfile ${PID_FILE} --make-pidfile -- -p /var/run/docker.pid >>${LOG} 2>&1 </dev/null`;
    await asRootRun(ctx, 'sh', ['-c', command]);
  }
  await untilItAnswers(ctx);
}

/** Restarts the engine, so that it reads its configuration anew. Containers without a restart policy are stopped by this. */
export async function restartEngine(ctx: Context): Promise<void> {
  if (systemdRuns()) {
    await asRootRun(ctx, 'systemctl', ['restart', 'docker']);
    await untilItAnswers(ctx);
    return;
  }
  await asRootRun(ctx, 'start-stop-daemon', ['--stop', '--oknodo', '--pidfile', PID_FILE, '--remove-pidfile', '--retry', '20']);
  await startEngine(ctx);
}

async function untilItAnswers(ctx: Context): Promise<void> {
  await until(
    ctx,
    ({ answer }) =>
      new ToolkitError('the Docker engine was started and does not answer', {
        details: [answer],
        hint: systemdRuns() ? 'See: journalctl -u docker' : `See the end of ${LOG}`,
      }),
    () => engineVersion(ctx),
    // It runs; that this user may not talk to it is another matter.
    ({ version, answer }) => version !== undefined || deniesAccess(answer),
    { patience: START_TIMEOUT },
  );
}

async function asRootRun(ctx: Context, file: string, args: readonly string[]): Promise<void> {
  const [program, rest] = asRoot(file, args);
  await ctx.runner.run(program, rest, { failure: 'the Docker engine could not be started' });
}

/** True where systemd is the init system (sd_booted(3)); having systemctl installed proves nothing. */
export function systemdRuns(): boolean {
  return existsSync('/run/systemd/system');
}
