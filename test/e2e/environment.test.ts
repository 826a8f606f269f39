import { existsSync } from 'node:fs';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { toolkit, toolkitJson } from '../support/toolkit.js';

describe('setup', () => {
  beforeAll(async () => {
    const { exitCode, stderr } = await toolkit('setup');
    expect(exitCode, stderr).toBe(0);
  });

  test('finds nothing to do the second time', async () => {
    expect(await toolkitJson('setup')).toMatchObject({ ran: [] });
    const { steps } = (await toolkitJson('setup', ['--dry-run'])) as { steps: Array<{ reason: string | null }> };
    expect(steps.length).toBeGreaterThan(15);
    expect(steps.filter(({ reason }) => reason !== null)).toEqual([]);
  });

  test('starts no build tool the second time', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'tools-'));
    const calls = path.join(folder, 'calls');
    await writeFile(calls, '');
    try {
      for (const tool of ['make', 'gcc', 'mmdebstrap', 'curl', 'apt-get', 'kind']) {
        await writeFile(path.join(folder, tool), `#!/bin/sh\necho ${tool} "$@" >>${calls}\nexit 1\n`);
        await chmod(path.join(folder, tool), 0o755);
      }
      const { exitCode, stderr } = await toolkit('setup', [], { PATH: `${folder}:${process.env['PATH'] ?? ''}` });
      expect(exitCode, stderr).toBe(0);
      expect(await readFile(calls, 'utf8')).toBe('');
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test('leaves nothing behind when it only shows what it would do', async () => {
    const cache = path.join(tmpdir(), `cache-${process.pid}`);
    const { exitCode, stderr } = await toolkit('setup', ['--dry-run'], { KIND_CHECKPOINT_CACHE: cache });
    expect(exitCode, stderr).toBe(0);
    expect(existsSync(cache)).toBe(false);
  });

  test('tells the disk that it uses', async () => {
    const { diskBytes } = (await toolkitJson('setup', ['--timings'])) as { diskBytes: Record<string, number> };
    // The builder's cache is all of Docker's: what other builds on this machine left there is not the toolkit's.
    const { cache = 0, images = 0, ...others } = diskBytes;
    expect(Object.keys(others)).toEqual(['build cache of Docker']);
    expect(cache).toBeGreaterThan(200e6);
    expect(images).toBeGreaterThan(500e6);
    expect(cache + images).toBeLessThan(4e9);
  });
});

test('the doctor fails nothing where everything was built', async () => {
  const { exitCode, stdout } = await toolkit('doctor', ['--json']);
  const found = JSON.parse(stdout) as Array<{ id: string; verdict: string; seen: string }>;
  expect(found.filter(({ verdict }) => verdict === 'fail')).toEqual([]);
  expect(exitCode).toBe(0);
  expect(found.find(({ id }) => id === 'docker-privileged')).toMatchObject({ verdict: 'pass' });
  expect(found.find(({ id }) => id === 'criu-check')?.seen).toMatch(/^looks good/);
});
