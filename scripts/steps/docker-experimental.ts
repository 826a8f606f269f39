import type { Context } from '../lib/core/context.js';
import { CommandError, ToolkitError } from '../lib/core/errors.js';
import { step } from '../lib/engine/step.js';
import { mergeDaemonJson } from '../lib/host/daemon-json.js';
import { type ReadText, readDaemonJson, restoreDaemonJson, writeDaemonJson } from '../lib/host/daemon-json-file.js';
import { configurationOf, type Daemon, findDockerd, restartEngine, runningDaemon } from '../lib/host/docker-daemon.js';
import { isSystemEndpoint, readEngineFacts } from '../lib/host/docker-engine.js';
import { dockerEngine } from './docker-engine.js';

/** `docker checkpoint` is an experimental command of the engine, turned on in daemon.json. For `e2e:docker` alone: it restarts the engine. */
export const dockerExperimental = step({
  id: 'docker-experimental',
  title: 'docker checkpoint turned on',
  seconds: 5,
  asRoot: true,
  needs: [dockerEngine],
  // The engine is restarted: nobody may build or load an image meanwhile.
  uses: ['docker'],
  async check(ctx) {
    return (await readEngineFacts(ctx)).experimental ? undefined : 'the engine does not say that it is experimental';
  },
  run: (ctx) => turnOnExperimental(ctx),
});

/**
 * Refuses, in the first seconds, what {@link dockerExperimental} could not do in the end.
 * @throws ToolkitError when the engine that answers would have to be restarted and cannot be
 */
export async function refuseUnlessRestartable(ctx: Context, machine = '/', read?: ReadText): Promise<void> {
  const { answers, experimental, kind } = await readEngineFacts(ctx);
  if (kind !== 'engine' || !answers || experimental) return;
  try {
    await lookForEngine(ctx, machine, read);
  } catch (error) {
    // Its daemon.json is closed to this user, and sudo's password has not been asked for yet: it is looked at again after that.
    if (!(error instanceof CommandError)) throw error;
  }
}

interface RestartableEngine {
  readonly daemon: Daemon;
  readonly program: string;
  /** Its daemon.json, the text there, and the one that it lacks: undefined when it says all that it should. */
  readonly file: string;
  readonly before: string | undefined;
  readonly merged: string | undefined;
}

/** The engine that runs, if it can be restarted. Changes nothing. */
async function lookForEngine(ctx: Context, machine: string, read?: ReadText): Promise<RestartableEngine> {
  const { endpoint } = await readEngineFacts(ctx);
  const daemon = await runningDaemon(ctx, machine);
  const file = configurationOf(daemon);
  const before = await readDaemonJson(ctx, file, read);
  const merged = mergeDaemonJson(before, 'experimental', true, file);
  const program = await findDockerd(ctx);
  if (daemon.startedBy === 'hand' || program === undefined || !isSystemEndpoint(endpoint))
    throw notOurs(daemon, file, merged !== undefined);
  return { daemon, program, file, before, merged };
}

/**
 * Has the running engine read a daemon.json that says `"experimental": true`.
 * @param machine root of the machine's file system
 * @throws ToolkitError for an engine that was started by hand, which only its owner can start again; nothing is changed then
 */
export async function turnOnExperimental(ctx: Context, machine = '/', read?: ReadText): Promise<void> {
  const { daemon, program, file, before, merged } = await lookForEngine(ctx, machine, read);
  if (merged !== undefined) await writeDaemonJson(ctx, file, merged, { program, args: daemon.args });
  ctx.say('the Docker engine is restarted: its containers without a restart policy stop');
  try {
    await restartEngine(ctx, daemon, machine);
  } catch (error) {
    if (merged === undefined) throw error;
    ctx.say(`the Docker engine does not come back: ${file} is put back, and the engine restarted once more`);
    await restoreDaemonJson({ runner: ctx.cleanupRunner }, file, before);
    await restartEngine({ ...ctx, runner: ctx.cleanupRunner }, daemon, machine).catch(() => undefined);
    throw error;
  }
}

function notOurs({ pid }: Daemon, file: string, lacking: boolean): ToolkitError {
  return new ToolkitError('docker checkpoint is turned off in this Docker engine', {
    details: [`The engine${pid === undefined ? '' : ` (process ${pid})`} was started by hand, so it is not restarted from here.`],
    hint: lacking
      ? `Add this line to ${file}: "experimental": true   Then restart the engine as you started it, and run the same command again.`
      : `${file} says "experimental": true already. Restart the engine as you started it, and run the same command again.`,
  });
}
