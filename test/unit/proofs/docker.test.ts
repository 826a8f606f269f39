import { describe, expect, test } from 'vitest';
import { CommandError } from '../../../scripts/lib/core/errors.js';
import { proveDockerCycles, restoresOnHostNetworkOnly } from '../../../scripts/proofs/docker.js';
import { Proof } from '../../../scripts/proofs/proof.js';
import { type TestContext, testContext } from '../../support/context.js';
import { type FakeRunner, fakeRunner } from '../../support/fake-runner.js';

/** An engine with one container that counts each time it is looked at. */
function engine(
  create: (ctx: () => TestContext) => string | Error = () => '',
  start: () => string | Error = () => '',
): { ctx: TestContext; runner: FakeRunner } {
  let count = 0;
  const runner: FakeRunner = fakeRunner(({ args }) => {
    if (args[0] === 'logs') {
      count += 1;
      return Array.from({ length: count + 1 }, (_, index) => index).join('\n');
    }
    if (args[0] === 'inspect') return 'false';
    if (args[0] === 'start') return start();
    return args[0] === 'checkpoint' ? create(() => ctx) : '';
  });
  const ctx = testContext({ runner });
  return { ctx, runner };
}

const prove = (ctx: TestContext, version: string, cycles = 1): Promise<number> =>
  proveDockerCycles(ctx, new Proof(ctx, 'test'), 'counter:test', version, cycles);

const runLine = ({ calls }: FakeRunner): readonly string[] => calls.find(({ args }) => args[0] === 'run')?.args ?? [];

describe('the counter in Docker', () => {
  test.each(['28.0.0', '28.5.2+dfsg4', '29.7.2', '31.0.0', 'dev'])(
    'runs on the host’s network with engine %s, and it is said why',
    async (version) => {
      const { ctx, runner } = engine();
      await prove(ctx, version);
      expect(runLine(runner).slice(-3)).toEqual(['--network', 'host', 'counter:test']);
      expect(ctx.said.filter((line) => line.includes('moby/moby#50750'))).toHaveLength(1);
    },
  );

  test.each(['23.0.6', '26.1.5+dfsg1', '27.5.1'])('runs on a network of its own with engine %s', async (version) => {
    const { ctx, runner } = engine();
    await prove(ctx, version);
    expect(runLine(runner)).not.toContain('--network');
    expect(ctx.said.join()).not.toContain('50750');
  });

  test('is checkpointed and started again as often as asked, and removed', async () => {
    const { ctx, runner } = engine();
    await prove(ctx, '26.1.5', 3);
    const lines = runner.lines.filter((line) => /checkpoint/.test(line)).map((line) => line.replace(/counter-\S+/g, 'IT'));
    expect(lines).toEqual(
      [1, 2, 3].flatMap((n) => [`docker checkpoint create IT checkpoint${n}`, `docker start --checkpoint checkpoint${n} IT`]),
    );
    expect(runner.lines.at(-1)).toMatch(/^docker rm --force --volumes counter-/);
  });

  test('is not waited for for ever: a checkpoint that hangs is ended, with what is known, and the container removed', async () => {
    const { ctx, runner } = engine((context) => {
      context().clock.pass(120_000);
      return new CommandError('docker checkpoint create …', undefined, '', { outcome: 'ended after 120 s' });
    });
    await expect(prove(ctx, '24.0.7')).rejects.toMatchObject({
      details: expect.arrayContaining(['docker checkpoint create hangs']),
      hint: expect.stringMatching(/criu#2516|criu-dump\.log/),
    });
    expect(runner.calls.find(({ args }) => args[0] === 'checkpoint')?.options.timeoutMs).toBe(120_000);
    expect(runner.calls.at(-1)).toMatchObject({ args: ['rm', '--force', '--volumes', expect.anything()], options: { timeoutMs: 60_000 } });
  });

  test('that cannot be checkpointed at once is told as Docker tells it', async () => {
    const { ctx } = engine(
      () => new CommandError('docker checkpoint create …', 1, 'criu failed', { message: 'docker checkpoint create failed' }),
    );
    await expect(prove(ctx, '24.0.7')).rejects.toMatchObject({
      details: expect.arrayContaining(['docker checkpoint create failed', 'criu failed']),
    });
  });
});

describe('a container that the engine still holds the uploaded checkpoint of', () => {
  const exists = new CommandError('docker start …', 1, 'Error: content sha256:0: already exists', { message: 'docker start failed' });

  test('is started as soon as that is collected', async () => {
    const answers = [exists, exists, ''];
    const { ctx, runner } = engine(undefined, () => answers.shift() ?? '');
    await prove(ctx, '26.1.5');
    expect(runner.calls.filter(({ args }) => args[0] === 'start')).toHaveLength(3);
  });

  test('is given up after a while, with what Docker says', async () => {
    const { ctx } = engine(undefined, () => exists);
    const began = ctx.clock.now();
    await expect(prove(ctx, '26.1.5')).rejects.toMatchObject({ details: expect.arrayContaining(['docker start failed']) });
    expect(ctx.clock.now() - began).toBeGreaterThan(20_000);
  });

  test('and that fails for another reason is not started again', async () => {
    const { ctx, runner } = engine(
      undefined,
      () => new CommandError('docker start …', 1, 'criu failed', { message: 'docker start failed' }),
    );
    await expect(prove(ctx, '26.1.5')).rejects.toMatchObject({ details: expect.arrayContaining(['criu failed']) });
    expect(runner.calls.filter(({ args }) => args[0] === 'start')).toHaveLength(1);
  });
});

test.each([
  ['27.5.1', false],
  ['28.0.0-rc.1', true],
])('engine %s restores on the host network only: %s', (version, only) => {
  expect(restoresOnHostNetworkOnly(version)).toBe(only);
});
