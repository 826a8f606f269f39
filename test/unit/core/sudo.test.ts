import { describe, expect, test } from 'vitest';
import { holdRoot, type Who } from '../../../scripts/lib/core/sudo.js';
import { testContext } from '../../support/context.js';
import { type Answer, type FakeRunner, fakeRunner } from '../../support/fake-runner.js';

const user: Who = { uid: 1000, name: 'maria', terminal: true };

/** A sudo that grants a command without a password as these answers have it, one a question; the last one stays. */
function fakeSudo(grants: boolean[], answers: Record<string, Answer> = {}): FakeRunner {
  return fakeRunner(({ line, file }) => {
    if (file === 'sh') return answers['which'] ?? '/usr/bin/sudo';
    if (line !== 'sudo -n true') return answers[line];
    return (grants.length > 1 ? grants.shift() : grants[0]) === true ? '' : { exitCode: 1, stderr: 'sudo: a password is required' };
  });
}

const questions = (runner: FakeRunner): string[] => runner.lines.filter((line) => line.startsWith('sudo'));

describe('root', () => {
  test('needs nothing when the user is root', async () => {
    const runner = fakeRunner();
    (await holdRoot(testContext({ runner }), { ...user, uid: 0 }))();
    expect(runner.calls).toEqual([]);
  });

  test('is had without a question where sudo wants no password, on a terminal or not', async () => {
    for (const terminal of [true, false]) {
      const runner = fakeSudo([true]);
      (await holdRoot(testContext({ runner }), { ...user, terminal }))();
      expect(questions(runner)[0]).toBe('sudo -n true');
      expect(questions(runner)).not.toContain('sudo -v');
    }
  });

  test('takes a password once, on the terminal', async () => {
    const runner = fakeSudo([false, true], { 'sudo -v': '' });
    (await holdRoot(testContext({ runner }), user))();
    expect(questions(runner).slice(0, 3)).toEqual(['sudo -n true', 'sudo -v', 'sudo -n true']);
    expect(runner.calls.find(({ line }) => line === 'sudo -v')?.options.interactive).toBe(true);
  });

  test('is refused at once where nobody can type the password, with what to do', async () => {
    await expect(holdRoot(testContext({ runner: fakeSudo([false]) }), { ...user, terminal: false })).rejects.toMatchObject({
      message: 'some steps need root, and sudo wants a password that nobody can type here',
      hint: expect.stringContaining("echo 'maria ALL=(ALL) NOPASSWD: ALL' | sudo tee /etc/sudoers.d/kind-checkpoint"),
    });
  });

  test('is refused where there is no sudo, or it forgets the password at once', async () => {
    await expect(holdRoot(testContext({ runner: fakeSudo([], { which: 1 }) }), user)).rejects.toThrow('there is no sudo');
    await expect(holdRoot(testContext({ runner: fakeSudo([false], { 'sudo -v': '' }) }), user)).rejects.toThrow(
      'sudo forgets the password',
    );
  });

  test('is kept alive each minute, until it is given back', async () => {
    const runner = fakeSudo([true]);
    const ctx = testContext({ runner });
    const start = ctx.clock.now();
    let asleep = 0;
    ctx.clock.whileAsleep = (ms) => {
      expect(ms).toBe(60_000);
      asleep += 1;
      if (asleep === 10) release();
    };
    const release = await holdRoot(ctx, user);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(ctx.clock.now() - start).toBe(600_000);
    // Once at the start and after each of nine sleeps; the tenth found it ended.
    expect(questions(runner)).toHaveLength(10);
  });
});
