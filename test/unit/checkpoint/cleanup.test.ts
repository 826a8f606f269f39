import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test, vi } from 'vitest';
import { lookScript, readSight, standBy } from '../../../scripts/checkpoint/cleanup.js';
import { shell } from '../../../scripts/lib/cluster/node.js';
import { CommandError } from '../../../scripts/lib/core/errors.js';
import type { Runner } from '../../../scripts/lib/core/runner.js';
import { container } from '../../support/container.js';
import { put, realRunner, temporaryFolder, testContext } from '../../support/context.js';
import { fakeRunner } from '../../support/fake-runner.js';

const { id: ID } = container;

/** Looks with a ctr(8) that does what is told. @param folder holds archives */
async function lookWith(ctr: string, folder: string) {
  const programs = temporaryFolder();
  await put(path.join(programs, 'ctr'), `#!/bin/sh\n${ctr}\n`, 0o755);
  const { text, args } = lookScript(container);
  const marker = path.join(folder, path.basename(args[3] ?? ''));
  const [program = '', ...words] = shell({ text, args: [args[0] ?? '', folder, args[2] ?? '', marker] });
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

test('a container that was handed over does not count as left paused', async () => {
  const folder = temporaryFolder();
  const ctr = `case "$*" in *tasks*) echo '${ID} 17 PAUSED' ;; esac`;
  expect(await lookWith(ctr, folder)).toMatchObject({ paused: true });
  await put(path.join(folder, 'ctrd-handed-over'), '/var/lib/kubelet/checkpoints/shared/a');
  expect(await lookWith(ctr, folder)).toMatchObject({ paused: false });
});

test('there may be nothing', async () => {
  expect(await lookWith('true', '/nowhere')).toEqual({ images: new Set(), archives: new Set(), paused: false });
});

test.each(['images', 'tasks'])('a look at %s that fails is an error, not an empty sight', async (what) => {
  await expect(lookWith(`case "$*" in *${what}*) echo no containerd >&2; exit 1 ;; esac`, '/nowhere')).rejects.toThrow(CommandError);
});

describe('a look that stands by', () => {
  /** A node whose ctr(8) tells of an image that a file names. */
  async function node() {
    const programs = temporaryFolder();
    const image = path.join(programs, 'image');
    await put(path.join(programs, 'ctr'), `#!/bin/sh\ncase "$*" in *images*) cat ${image} ;; esac\n`, 0o755);
    await put(image, 'before\n');
    const real = realRunner({ env: { PATH: `${programs}${path.delimiter}${process.env['PATH']}` } });
    const runner = fakeRunner(({ args, options }) => real.run('sh', args.slice(args.indexOf('sh') + 1), options));
    return { image, runner, ctx: testContext({ runner }) };
  }

  test('sees what there is when it takes place', async () => {
    const { image, runner, ctx } = await node();
    const after = standBy(ctx, container);
    await sleep(50);
    expect(runner.lines).toHaveLength(1);
    await put(image, 'after\n');
    expect((await after.look()).images).toEqual(new Set(['after']));
    after.dismiss();
    expect(runner.lines).toHaveLength(1);
  });

  test('ends when none takes place', async () => {
    const ended: string[] = [];
    const { runner, ctx } = await node();
    const whole = {
      ...ctx,
      runner: { run: (...call: Parameters<Runner['run']>) => runner.run(...call).finally(() => ended.push('ended')) },
    };
    standBy(whole, container).dismiss();
    await vi.waitFor(() => expect(ended).toEqual(['ended']));
  });

  test('that is lost is made up for', async () => {
    const { image, runner, ctx } = await node();
    let first = true;
    const broken: Runner = {
      run: (...call) => {
        if (!first) return runner.run(...call);
        first = false;
        return Promise.reject(new CommandError('docker exec', 137, ''));
      },
    };
    await put(image, 'after\n');
    expect((await standBy({ ...ctx, runner: broken }, container).look()).images).toEqual(new Set(['after']));
  });
});
