import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from '../../scripts/lib/core/context.js';
import { makeOptions } from '../../scripts/lib/core/options.js';
import { makePaths } from '../../scripts/lib/core/paths.js';
import { createRunner } from '../../scripts/lib/core/runner.js';
import { checkout } from './checkout.js';

/** A context over the real machine, with logs of its own, and what it said. */
export function realContext(chosen: Parameters<typeof makeOptions>[2] = {}): {
  ctx: Context;
  said: string[];
  abort: AbortController;
  dispose: () => void;
} {
  const abort = new AbortController();
  const logs = mkdtempSync(path.join(tmpdir(), 'logs-'));
  const said: string[] = [];
  const ctx: Context = {
    paths: makePaths(checkout, process.env['KIND_CHECKPOINT_CACHE'] || undefined),
    options: makeOptions(checkout, process.env, chosen),
    runner: createRunner({ signal: abort.signal }),
    cleanupRunner: createRunner({ signal: new AbortController().signal }),
    clock: { now: () => Date.now(), sleep: (ms) => sleep(ms) },
    env: process.env,
    signal: abort.signal,
    logs,
    say: (line) => said.push(line),
  };
  return { ctx, said, abort, dispose: () => rmSync(logs, { recursive: true, force: true }) };
}
