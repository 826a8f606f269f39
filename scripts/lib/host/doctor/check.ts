import type { Context } from '../../core/context.js';
import { commandLine } from '../../core/runner.js';
import type { Machine } from './machine.js';
import type { How, Reached } from './reach.js';

/**
 * pass: as it should be. warn: it may get in the way, or could not be told. fail: what the toolkit is for does not work. skip: not
 * asked, because something is missing that another check tells of.
 */
export type Verdict = 'pass' | 'warn' | 'fail' | 'skip';

/** What a check found. */
export interface Finding {
  readonly verdict: Verdict;
  /** What was seen, in one line. */
  readonly seen: string;
  /** The command that mends it; in words where no command does. */
  readonly mend?: string;
}

/** A port of this machine that a cluster wants for itself: kind's extraPortMappings. */
export interface WantedPort {
  readonly port: number;
  readonly protocol: 'tcp' | 'udp';
  /** Address that it is bound to; all by default. */
  readonly address?: string | undefined;
}

/** What a check may look at. */
export interface Surroundings extends Pick<Context, 'paths' | 'options' | 'runner' | 'env'> {
  readonly machine: Machine;
  /** Still runs after the run was stopped: for removing what a check has made. */
  readonly cleanupRunner: Context['cleanupRunner'];
  /** Ports that the cluster in question wants. */
  readonly ports: readonly WantedPort[];
  /** Addresses that CRIU's source may come from, beside the distribution's mirrors. */
  readonly criuSources: readonly string[];
  /** Addresses that Go itself may come from. */
  readonly goSources: readonly string[];
  /** Where what `criu check --all` said is kept, by the step that asks it. */
  readonly criuReport: string;
  /** Tries an address of the network, through a proxy where one is given. */
  reach(url: string, how: How): Promise<Reached>;
  /** Asks once, however many checks want to know. */
  once<T>(name: string, ask: () => Promise<T>): Promise<T>;
}

/** What of a run a check matters to: `root` to runs in which a step works as root, and so on. */
export type Concern = 'root' | 'cluster' | 'build';

/** One thing that a machine must have, as data. */
export interface Check {
  readonly id: string;
  /** A noun: the thing looked at. */
  readonly title: string;
  /**
   * True when it can fail and tells within half a second, without network and without starting a container: it is asked before
   * a run too.
   */
  readonly quick: boolean;
  /** Before a run it is asked only where this matters; absent: always. */
  readonly concerns?: Concern;
  look(on: Surroundings): Promise<Finding>;
}

export const pass = (seen: string): Finding => ({ verdict: 'pass', seen });
export const warn = (seen: string, mend?: string): Finding => ({ verdict: 'warn', seen, ...(mend === undefined ? {} : { mend }) });
export const fail = (seen: string, mend?: string): Finding => ({ verdict: 'fail', seen, ...(mend === undefined ? {} : { mend }) });

/** @param why what is missing */
export const skip = (why: string): Finding => ({ verdict: 'skip', seen: `not asked: ${why}` });

/** A command for root as this user types it: through sudo, unless they are root. */
export function forRoot({ uid }: Pick<Machine, 'uid'>, program: string, ...args: readonly string[]): string {
  return uid === 0 ? commandLine(program, args) : commandLine('sudo', [program, ...args]);
}
