import path from 'node:path';
import { expect, test } from 'vitest';
import { lookScript, readSight } from '../../../scripts/checkpoint/cleanup.js';
import { shell } from '../../../scripts/lib/cluster/node.js';
import { CommandError } from '../../../scripts/lib/core/errors.js';
import { put, realRunner, temporaryFolder } from '../../support/context.js';

const ID = '0123456789abcdef';
const container = {
  namespace: 'default',
  pod: 'counter',
  container: 'main',
  node: 'node-1',
  id: ID,
  restartCount: 0,
  image: 'counter:latest',
};

/** Looks with a ctr(8) that does what is told. @param folder holds archives */
async function lookWith(ctr: string, folder: string) {
  const programs = temporaryFolder();
  await put(path.join(programs, 'ctr'), `#!/bin/sh\n${ctr}\n`, 0o755);
  const { text, args } = lookScript(container);
  const [program = '', ...words] = shell({ text, args: [args[0] ?? '', folder, args[2] ?? ''] });
  const runner = realRunner({ env: { PATH: `${programs}${path.delimiter}${process.env['PATH']}` } });
  return readSight((await runner.run(program, words)).stdout, container);
}

test('one look sees the images, the archives and whether it is paused', async () => {
  const folder = temporaryFolder();
  const archive = path.join(folder, 'checkpoint-counter_default-main-2026-01-02T12:00:00Z.tar');
  await put(archive, 'x');
  await put(path.join(folder, 'checkpoint-counter_default-main-side-2026-01-02T12:00:00Z.tar'), 'of another container');
  const ctr = `case "$*" in
*images*) sleep 0.05; echo 'containerd.io/checkpoint/${ID}:1'; echo 'containerd.io/checkpoint/${ID}:2' ;;
*tasks*) echo 'TASK PID STATUS'; echo 'other 1 PAUSED'; echo '${ID} 17 STATUS' ;;
esac`;
  for (const [status, paused] of [
    ['PAUSED', true],
    ['RUNNING', false],
  ] as const)
    expect(await lookWith(ctr.replace('17 STATUS', `17 ${status}`), folder)).toEqual({
      images: new Set([`containerd.io/checkpoint/${ID}:1`, `containerd.io/checkpoint/${ID}:2`]),
      archives: new Set([archive]),
      paused,
    });
});

test('there may be nothing', async () => {
  expect(await lookWith('true', '/nowhere')).toEqual({ images: new Set(), archives: new Set(), paused: false });
});

test.each(['images', 'tasks'])('a look at %s that fails is an error, not an empty sight', async (what) => {
  await expect(lookWith(`case "$*" in *${what}*) echo no containerd >&2; exit 1 ;; esac`, '/nowhere')).rejects.toThrow(CommandError);
});
