import type { Writable } from 'node:stream';

/** How long an ended command may take to go before it is killed, milliseconds. */
const GRACE_MS = 5000;

/** How a command is ended before its time, with all that it has started. */
export interface Ending {
  /** Asks it to end, and kills it when it does not. */
  readonly soft: () => void;
  /** Kills it. */
  readonly hard: () => void;
  /** To be called when it has ended. @param early before its time: what it left behind must not live on */
  readonly finish: (early: boolean) => void;
}

/** Ends a process, and its whole group where it has one of its own. @param pid undefined where it did not start */
export function endingOf(pid: number | undefined, { ownGroup }: { readonly ownGroup: boolean }): Ending {
  let timer: NodeJS.Timeout | undefined;
  const send = (name: NodeJS.Signals): void => {
    if (pid === undefined) return;
    try {
      process.kill(ownGroup ? -pid : pid, name);
    } catch (error) {
      // EPERM: sudo itself, about to end with what it was given on standard input.
      if (!['ESRCH', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    }
  };
  return {
    soft: () => {
      send('SIGTERM');
      timer ??= setTimeout(() => send('SIGKILL'), GRACE_MS);
    },
    hard: () => send('SIGKILL'),
    finish: (early) => {
      clearTimeout(timer);
      if (early && ownGroup) send('SIGKILL');
    },
  };
}

/** Ends a command that runs as root under `supervised`, by its standard input: that does the rest by itself. */
export function endingByInput(stdin: Writable | null): Ending {
  // Its end may come first.
  stdin?.on('error', () => undefined);
  return { soft: () => stdin?.end(), hard: () => stdin?.destroy(), finish: () => stdin?.destroy() };
}

/** When a command is to be ended before its time. */
export interface Limits {
  /** The run is stopped: commands are asked to end. */
  readonly signal: AbortSignal;
  /** The run is ended at once: commands are killed. */
  readonly atOnce: AbortSignal;
  /** Milliseconds that it may take. */
  readonly timeoutMs?: number | undefined;
}

/** Ends a command when the run is stopped or its time is over, whichever comes first, until `finish` is called. */
export function limited(ending: Ending, { signal, atOnce, timeoutMs }: Limits): { timedOut(): boolean; finish(): void } {
  let timedOut = false;
  const timer =
    timeoutMs === undefined
      ? undefined
      : setTimeout(() => {
          timedOut = true;
          ending.soft();
        }, timeoutMs);
  signal.addEventListener('abort', ending.soft);
  atOnce.addEventListener('abort', ending.hard);
  return {
    timedOut: () => timedOut,
    finish: () => {
      signal.removeEventListener('abort', ending.soft);
      atOnce.removeEventListener('abort', ending.hard);
      clearTimeout(timer);
      ending.finish(signal.aborted || timedOut);
    },
  };
}
