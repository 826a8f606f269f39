import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { claimStates, claimsScript, readClaims } from '../../../../scripts/checkpoint/migrate/claim.js';
import type { Journal } from '../../../../scripts/checkpoint/migrate/journal.js';
import { cancelOnTarget, dismissTarget, removeRemains } from '../../../../scripts/checkpoint/migrate/remains.js';
import type { Surroundings } from '../../../../scripts/checkpoint/migrate/surroundings.js';
import { archiveFolder } from '../../../../scripts/lib/cluster/kubelet.js';
import { shell } from '../../../../scripts/lib/cluster/node.js';
import type { Runner } from '../../../../scripts/lib/core/runner.js';
import { put, realRunner, temporaryFolder, testContext } from '../../../support/context.js';

/** A checkpoint folder, in which scripts run as on a node. */
let folder = '';
let runner: Runner;
beforeEach(async () => {
  folder = temporaryFolder();
  runner = realRunner();
  await mkdir(path.join(folder, 'shared'));
});

async function run(command: readonly string[]): Promise<string> {
  const [file = '', ...args] = command.map((word) => (word === archiveFolder ? folder : word));
  return (await runner.run(file, args)).stdout;
}
const claims = async (seconds: number, ...names: string[]) => readClaims(await run(shell(claimsScript(names, seconds))));
const claim = (name: string, content: object | string): Promise<string> =>
  put(path.join(folder, `${name}.claim`), typeof content === 'string' ? content : JSON.stringify(content));

describe('claims', () => {
  test('are read with their times, those that there are', async () => {
    const restored = {
      state: 'restored',
      podUID: 'u',
      pausedAt: '2026-01-02T03:04:05.123456789Z',
      restoredAt: '2026-01-02T03:04:05.2+01:00',
    };
    await claim('shared/m.main', restored);
    const found = await claims(0, 'shared/m.main', 'shared/m.log');
    expect(found.get('shared/m.main')).toEqual(restored);
    expect(claimStates(found, ['shared/m.main', 'shared/m.log'])).toEqual(['restored', 'none']);
  });

  test('are waited for until all are restored', async () => {
    await claim('a', { state: 'restored' });
    await claim('b', { state: 'taken' });
    const found = claims(20, 'a', 'b');
    setTimeout(() => void claim('b', '{\n  "state": "restored"\n}'), 100);
    expect(claimStates(await found, ['a', 'b'])).toEqual(['restored', 'restored']);
  });

  test.each(['failed', 'cancelled'])('are not waited for when one is %s', async (state) => {
    await claim('a', { state, error: 'no room\tfor it' });
    expect((await claims(20, 'a', 'b')).get('a')).toMatchObject({ state, error: 'no room\tfor it' });
  });

  test('are not waited for for ever', async () => {
    await claim('a', { state: 'taken' });
    expect(claimStates(await claims(0.1, 'a'), ['a'])).toEqual(['taken']);
  });

  test('that are being written count as taken', async () => {
    await claim('a', '');
    expect(claimStates(await claims(0, 'a'), ['a'])).toEqual(['taken']);
  });

  test('that are none are not guessed at', async () => {
    await claim('a', 'what?');
    await expect(claims(0, 'a')).rejects.toThrow('the claim of a cannot be read');
  });
});

const journal: Journal = {
  namespace: 'shop',
  source: { node: 'n1', pod: 'web', uid: 'u' },
  target: { node: 'n2', pod: 'web-2' },
  name: 'm',
  containers: ['main', 'log'],
  labels: {},
  by: '',
  restored: false,
};

/** Both nodes have the same folder here. */
function around(): Surroundings {
  const unused = async (): Promise<never> => {
    throw new TypeError('the test did not expect this');
  };
  const ctx = testContext();
  const route = { kind: 'kubelet', cluster: 'c' } as const;
  const kube = undefined as unknown as Surroundings['kube'];
  return { ctx, kube, route, folder: async (node) => ({ node, run }), isStopped: unused, processesOf: unused, carry: unused };
}

describe('a target that is not to take what is carried to it', () => {
  test('finds a claim on each of its containers', async () => {
    expect(await cancelOnTarget(around(), journal, 'up')).toBe(true);
    expect(JSON.parse(await readFile(path.join(folder, 'm.main.tar.claim'), 'utf8'))).toMatchObject({ state: 'failed', pod: 'nobody' });
    expect((await readdir(folder)).sort()).toEqual(['m.log.tar.claim', 'm.main.tar.claim', 'shared']);
  });

  test('may have taken it before', async () => {
    await claim('m.log.tar', { state: 'taken', podUID: 'u-2' });
    expect(await cancelOnTarget(around(), journal, 'up')).toBe(false);
    expect(await readFile(path.join(folder, 'm.log.tar.claim'), 'utf8')).toContain('u-2');
  });

  test('does not go on waiting at a claim of somebody who took it back', async () => {
    await claim('m.main.tar', { state: 'cancelled' });
    expect(await cancelOnTarget(around(), journal, 'up')).toBe(true);
    expect(await readFile(path.join(folder, 'm.main.tar.claim'), 'utf8')).toContain('nobody');
  });

  test('may have failed with it before', async () => {
    await claim('m.main.tar', { state: 'failed' });
    expect(await cancelOnTarget(around(), journal, 'up')).toBe(true);
  });
});

test('a target that is deleted is told by claims, but for what it has taken, and has a moment to notice', async () => {
  await claim('m.main.tar', { state: 'taken', podUID: 'u-2' });
  await put(path.join(folder, 'm.log.tar.awaited'), '{}');
  const dismissed = dismissTarget(around(), journal);
  setTimeout(() => void rm(path.join(folder, 'm.log.tar.awaited')), 100);
  await dismissed;
  expect(await readFile(path.join(folder, 'm.main.tar.claim'), 'utf8')).toContain('u-2');
  expect((await readdir(folder)).sort()).toEqual(['m.log.tar.claim', 'm.main.tar.claim', 'shared']);
});

test('nothing is left of a migration, and nothing else is touched', async () => {
  for (const name of ['m.main.tar', 'm.log.tar', 'm.main.tar.claim', 'm.log.tar.awaited', 'other.tar'])
    await put(path.join(folder, name), '{}');
  await removeRemains(around(), journal);
  await put(path.join(folder, 'shared', 'm.main', 'spec.dump'), '{}');
  await removeRemains(around(), { ...journal, name: 'shared/m' });
  expect((await readdir(folder, { recursive: true })).sort()).toEqual(['other.tar', 'shared']);
});
