import type { Context } from '../../core/context.js';
import { messageOf, ToolkitError } from '../../core/errors.js';
import { type Runner, withDefaults } from '../../core/runner.js';
import type { Check, Concern, Finding, Surroundings } from './check.js';
import { type Machine, thisMachine } from './machine.js';
import { reach } from './reach.js';

/** How long a check may take, milliseconds: a hanging engine or proxy must not hang the others. */
const PATIENCE_MS = 8000;
/** How long a command of a check may take, milliseconds. */
const COMMAND_TIMEOUT_MS = 6000;
/** The same for those that are asked before a run. */
const QUICK = { patience: 3000, commandTimeout: 2500 };

/** A check and what it found. */
export interface Examined extends Finding {
  readonly id: string;
  readonly title: string;
}

/** What the checks are told by the task. */
export interface Subject extends Partial<Pick<Surroundings, 'ports' | 'criuSources' | 'goSources' | 'criuReport' | 'reach'>> {
  readonly machine?: Machine;
  /** How long a command of a check may take, milliseconds. */
  readonly commandTimeout?: number;
}

/** What checks may look at, with every command bounded in time. */
export function surroundings(ctx: Context, subject: Subject = {}): Surroundings {
  const {
    ports = [],
    criuSources = [],
    goSources = [],
    criuReport = '',
    machine = thisMachine(),
    commandTimeout = COMMAND_TIMEOUT_MS,
  } = subject;
  const asked = new Map<string, Promise<unknown>>();
  return {
    paths: ctx.paths,
    options: ctx.options,
    env: ctx.env,
    // Words of programs are read, so they must be the untranslated ones.
    runner: bounded(withDefaults(ctx.runner, { env: { LC_ALL: 'C' } }), commandTimeout),
    cleanupRunner: bounded(ctx.cleanupRunner, commandTimeout),
    machine,
    ports,
    criuSources,
    goSources,
    criuReport,
    reach: subject.reach ?? reach,
    once<T>(name: string, ask: () => Promise<T>): Promise<T> {
      const known = asked.get(name) as Promise<T> | undefined;
      if (known !== undefined) return known;
      const answer = ask();
      asked.set(name, answer);
      return answer;
    },
  };
}

/** A runner that gives no command longer than this, whatever it is told. */
function bounded(runner: Runner, timeoutMs: number): Runner {
  return {
    run: (file, args, options = {}) =>
      runner.run(file, args, { ...options, timeoutMs: Math.min(options.timeoutMs ?? timeoutMs, timeoutMs) }),
  };
}

/**
 * Looks at everything side by side. A check that breaks, or does not come to an end, is a warning: what cannot be told is no fault
 * of the machine.
 * @param patienceMs for each check
 * @returns in the order of the checks
 */
export function examine(checks: readonly Check[], on: Surroundings, patienceMs = PATIENCE_MS): Promise<Examined[]> {
  return Promise.all(
    checks.map(async (check) => {
      const { id, title } = check;
      return { id, title, ...(await inTime(check, on, patienceMs)) };
    }),
  );
}

async function inTime(check: Check, on: Surroundings, patienceMs: number): Promise<Finding> {
  let timer: NodeJS.Timeout | undefined;
  const tooLong = new Promise<Finding>((resolve) => {
    timer = setTimeout(() => resolve({ verdict: 'warn', seen: `could not be told: no answer in ${patienceMs / 1000} s` }), patienceMs);
  });
  try {
    return await Promise.race([check.look(on), tooLong]);
  } catch (error) {
    return { verdict: 'warn', seen: `could not be told: ${messageOf(error).split('\n', 1)[0] ?? ''}` };
  } finally {
    clearTimeout(timer);
  }
}

/** What steps are about to run, as far as it matters here. */
export type Pending = ReadonlyArray<{ readonly id: string; readonly asRoot?: true }>;

/** The checks to ask before steps run. */
export function checksBefore(checks: readonly Check[], pending: Pending): Check[] {
  const concerns = new Set<Concern>();
  if (pending.some(({ asRoot }) => asRoot === true)) concerns.add('root');
  if (pending.some(({ id }) => id.startsWith('cluster-'))) concerns.add('cluster');
  if (pending.some(({ id }) => id === 'criu' || id === 'kubernetes')) concerns.add('build');
  return checks.filter(({ quick, concerns: only }) => quick && (only === undefined || concerns.has(only)));
}

/**
 * Asks the quick checks before steps run, so that what must fail fails in the first seconds.
 * @param pending the steps that are going to run; none: nothing is asked
 * @throws ToolkitError that lists what fails, each with what mends it
 */
export async function refuseUnfit(ctx: Context, checks: readonly Check[], pending: Pending, subject: Subject = {}): Promise<void> {
  if (pending.length === 0) return;
  const examined = await examine(
    checksBefore(checks, pending),
    surroundings(ctx, { commandTimeout: QUICK.commandTimeout, ...subject }),
    QUICK.patience,
  );
  ctx.signal.throwIfAborted();
  const failed = examined.filter(({ verdict }) => verdict === 'fail');
  if (failed.length === 0) return;
  throw new ToolkitError('this machine is not ready; nothing was changed', {
    details: failed.flatMap(({ title, seen, mend }) => [`✖ ${title}: ${seen}`, ...(mend === undefined ? [] : [`  → ${mend}`])]),
    hint: 'npm run doctor tells all about this machine.',
  });
}
