import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { lockHolder } from '../../../scripts/boxes/prepare.js';
import { put, temporaryFolder } from '../../support/context.js';

const PATIENCE = { timeout: 20_000, interval: 20 };

test('apt’s locks are held by a process with the name of unattended upgrades, until what is awaited is there', async () => {
  const folder = temporaryFolder();
  const [awaited, told] = [path.join(folder, 'awaited'), path.join(folder, 'told')];
  const locks = await Promise.all(['lists', 'dpkg'].map((name) => put(path.join(folder, name), '')));
  const holder = spawn('perl', ['-e', lockHolder, awaited, '0', told, ...locks]);
  onTestFinished(() => void holder.kill());
  const ended = new Promise<number | null>((resolve) => {
    holder.on('exit', resolve);
  });
  await vi.waitFor(() => expect(existsSync(told)).toBe(true), PATIENCE);
  expect((await readFile(`/proc/${holder.pid}/comm`, 'utf8')).trim()).toBe('unattended-upgr');
  // proc(5): locks of fcntl(2) are POSIX, those of flock(2) FLOCK; apt sees the former alone.
  const held = (await readFile('/proc/locks', 'utf8')).split('\n').filter((line) => / POSIX .* WRITE /.test(line));
  expect(held.filter((line) => line.split(/\s+/).includes(String(holder.pid)))).toHaveLength(locks.length);
  await put(awaited, '');
  expect(await ended).toBe(0);
});
