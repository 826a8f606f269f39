import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { program, toolkit, toolkitJson } from '../support/toolkit.js';

test('a container goes on from its checkpoint ten times in a row, no number lost or repeated', async () => {
  const { proven, last } = (await toolkitJson('e2e:docker')) as { proven: Array<{ what: string }>; last: number };
  expect(proven.filter(({ what }) => /^cycle \d+: checkpointed, started from it/.test(what))).toHaveLength(10);
  expect(last).toBeGreaterThan(30);
});

test('Ctrl-C ends with 130 and leaves no container behind', async () => {
  const run = spawn('node', [fileURLToPath(new URL('../../scripts/run.mjs', import.meta.url)), 'e2e:docker', '--cycles', '1000'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let shown = '';
  let pressed = false;
  run.stderr.on('data', (chunk: Buffer) => {
    shown += chunk.toString();
    // Once: a second one would meet a process that is ending, and end it by itself.
    if (pressed || !shown.includes('cycle 1:')) return;
    pressed = run.kill('SIGINT');
  });
  const [code] = (await once(run, 'exit')) as [number | null];
  expect(code, shown).toBe(130);
  expect(shown).toContain('stopped by SIGINT');
  expect(await program('docker', 'ps', '--all', '--quiet', '--filter', `name=-${run.pid}$`)).toBe('');
});

test('a number of cycles that is none is refused without a stack trace', async () => {
  const { exitCode, stderr } = await toolkit('e2e:docker', ['--cycles', 'many']);
  expect(exitCode).toBe(2);
  expect(stderr).toContain('many is not a whole number');
  expect(stderr).not.toMatch(/\n\s+at /);
});
