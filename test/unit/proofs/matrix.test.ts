import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { ToolkitError } from '../../../scripts/lib/core/errors.js';
import { behaviours } from '../../../scripts/proofs/matrix/behaviours.js';
import { tryAll, withoutIds } from '../../../scripts/proofs/matrix/run.js';
import { type Column, merge, page, readColumns } from '../../../scripts/proofs/matrix/table.js';
import { checkout } from '../../support/checkout.js';
import { put, temporaryFolder, testContext } from '../../support/context.js';
import { fakeRunner } from '../../support/fake-runner.js';

const column = (profile: string, outcomes: Column['outcomes']): Column => ({
  profile,
  summary: `what ${profile} is`,
  runtime: 'containerd 2.0.0',
  route: 'annotation',
  nodes: 1,
  date: '2026-01-02',
  outcomes,
});
const rows = [
  { id: 'a', title: 'memory' },
  { id: 'b', title: 'files' },
];

describe('the table of what works where', () => {
  test('says yes, no with what was seen, or nothing', () => {
    const text = page(
      [
        column('default', { a: { holds: true }, b: { holds: true } }),
        column('other', { a: { holds: false, reason: 'it stands at 0 | <here>' } }),
      ],
      rows,
    );
    expect(text).toContain('| memory | yes | no [1] |');
    expect(text).toContain('| files | yes |  |');
    expect(text).toContain('1. it stands at 0 \\| \\<here\\>');
  });

  test('tells one reason once', () => {
    const no = { holds: false, reason: 'gone' } as const;
    const text = page([column('default', { a: no, b: no })], rows);
    expect(text.match(/gone/g)).toHaveLength(1);
    expect(text).toContain('| files | no [1] |');
  });

  test('keeps the columns of profiles that were not tried, the default first', () => {
    const before = [column('default', {}), column('b', { a: { holds: true } })];
    const now = [column('b', { a: { holds: false, reason: 'x' } }), column('a', {})];
    expect(merge(before, now)).toEqual([before[0], now[1], now[0]]);
  });

  test('is made of what former runs wrote, and of nothing else', async () => {
    const file = path.join(temporaryFolder(), 'compatibility.json');
    expect(await readColumns(file)).toEqual([]);
    await put(file, JSON.stringify([column('default', { a: { holds: true } })]));
    expect(await readColumns(file)).toEqual([column('default', { a: { holds: true } })]);
    await put(file, '[{"profile":"default"}]');
    await expect(readColumns(file)).rejects.toThrow('is not what npm run matrix writes');
  });

  test('in the documentation is what the figures beside it say', async () => {
    const docs = path.join(checkout, 'docs');
    expect(await readFile(path.join(docs, 'compatibility.md'), 'utf8')).toBe(
      page(await readColumns(path.join(docs, 'compatibility.json')), behaviours),
    );
  });
});

describe('a behaviour that is tried', () => {
  const runner = (warning = '') =>
    fakeRunner(({ line }) => {
      if (line.includes('get events')) return line.includes('a-new') ? warning : '';
      return / (delete|create|get) /.test(line) ? 'serviceaccount/default' : undefined;
    });
  const world = (ctx: ReturnType<typeof testContext>) => ({ ctx, route: 'annotation', from: 'one', to: 'two' }) as const;

  test('and does not hold is told with its reason, and the next is tried', async () => {
    const docker = runner();
    const ctx = testContext({ runner: docker });
    const { outcomes } = await tryAll(
      ctx,
      column('default', {}),
      [
        { id: 'a', title: 'A', prove: () => Promise.reject(new ToolkitError('it is gone', { details: ['all of it', 'really'] })) },
        { id: 'b', title: 'B', prove: () => Promise.resolve() },
      ],
      world(ctx),
    );
    expect(outcomes).toEqual({ a: { holds: false, reason: 'it is gone' }, b: { holds: true } });
    expect(docker.lines.filter((line) => line.includes('delete pod')).map((line) => / ([ab]-old) /.exec(line)?.[1])).toEqual([
      'a-old',
      'b-old',
    ]);
  });

  test('tells what the runtime has said of its pod, and what is the same in each run of that', async () => {
    const said = 'Back-off restarting\nfailed to restore /run/x/k8s.io/0123456789abcdef/rootfs of "0123456789abcdef": no mapping\n';
    const ctx = testContext({ runner: runner(said) });
    const prove = () => Promise.reject(new ToolkitError('pod a-new does not get ready', { details: ['/some/where/kubectl wait'] }));
    const { outcomes } = await tryAll(ctx, column('default', {}), [{ id: 'a', title: 'A', prove }], world(ctx));
    expect(outcomes).toEqual({ a: { holds: false, reason: 'failed to restore … of …: no mapping' } });
    expect(withoutIds('image sha256:0123456789abcdef is gone')).toBe('image … is gone');
  });

  test('ends the run when the toolkit itself is at fault', async () => {
    const ctx = testContext({ runner: runner() });
    const prove = () => Promise.reject(new TypeError('a defect'));
    await expect(tryAll(ctx, column('default', {}), [{ id: 'a', title: 'A', prove }], world(ctx))).rejects.toThrow('a defect');
  });
});

test('behaviours have pods of names of their own', () => {
  expect(new Set(behaviours.map(({ id }) => id)).size).toBe(behaviours.length);
});
