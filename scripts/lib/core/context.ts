import type { Paths } from './paths.js';
import type { Runner } from './runner.js';

/** Time, so that tests need not wait. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Resolves after `ms` milliseconds; rejects when the signal fires. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** Seconds that have passed since a time of the clock. */
export function secondsSince(clock: Pick<Clock, 'now'>, start: number): number {
  return (clock.now() - start) / 1000;
}

/** What the user chose for this run; see `scripts/lib/core/options.ts` for where each comes from. */
export interface Options {
  /** Keeps two environments on one machine apart: names the cluster and tags the images. */
  readonly instance: string;
  /** Name of the file in `cluster/profiles` that says what clusters are made of. */
  readonly profile: string;
  readonly clusterName: string;
  /** Path of the cluster configuration, absolute. */
  readonly clusterConfig: string;
  /** A Kubernetes checkout to build instead of the pin; absolute. */
  readonly kubernetes: string | undefined;
  /** Create the cluster anew when it no longer matches its configuration or image. */
  readonly recreate: boolean;
}

/** What every step and task works with. Nothing below the entry point reads a global. */
export interface Context {
  readonly paths: Paths;
  readonly options: Options;
  readonly runner: Runner;
  /** For putting things right: still runs commands after the run has been stopped. */
  readonly cleanupRunner: Runner;
  readonly clock: Clock;
  readonly env: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
  /** Folder of this run's logs. */
  readonly logs: string;
  /** Tells a person something that is not the result (goes to standard error). */
  readonly say: (line: string) => void;
}

/** The same for putting things right: it still works when the run has been stopped. */
export function forCleanup<C extends Pick<Context, 'runner' | 'cleanupRunner' | 'signal'>>(ctx: C): C {
  return { ...ctx, runner: ctx.cleanupRunner, signal: new AbortController().signal };
}
