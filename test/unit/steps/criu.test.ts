import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { withDefaults } from '../../../scripts/lib/core/runner.js';
import type { StepContext } from '../../../scripts/lib/engine/step.js';
import { criuCheck, criuReport, isNodeUserland } from '../../../scripts/steps/criu.js';
import { stepContext, temporaryFolder, testContext } from '../../support/context.js';
import { type Answer, fakeRunner } from '../../support/fake-runner.js';

function checking(plain: Answer, all: Answer): StepContext {
  const runner = fakeRunner(({ line }) => (line.endsWith('criu check') ? plain : line.endsWith('criu check --all') ? all : undefined));
  const ctx = testContext({ runner, root: temporaryFolder() });
  return stepContext({ ...ctx, runner: withDefaults(ctx.runner, {}) });
}

describe('criu check', () => {
  test('keeps what is said about features that this machine lacks, though that is no failure', async () => {
    const ctx = checking('Looks good.', { exitCode: 1, stderr: "Warn  (criu/cr-check.c:1595): Hardware breakpoints don't seem to work" });
    await criuCheck.run(ctx);
    expect(await readFile(criuReport(ctx.paths.build), 'utf8')).toContain("Hardware breakpoints don't seem to work");
  });

  test('fails where the kernel cannot checkpoint, and leaves no report', async () => {
    const ctx = checking({ exitCode: 1, stderr: 'Error: Kernel is too old' }, 'never asked');
    await expect(criuCheck.run(ctx)).rejects.toMatchObject({
      message: 'this kernel lacks what CRIU needs',
      details: expect.arrayContaining(['Error: Kernel is too old']),
    });
    await expect(readFile(criuReport(ctx.paths.build))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('is asked again when the kernel is another one', async () => {
    expect(await criuCheck.options()).toEqual({ kernel: expect.stringMatching(/^\d+\./) });
  });
});

test.each([
  ['Debian 12', 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nVERSION_CODENAME=bookworm\nID=debian\n', true],
  ['Debian 13', 'VERSION_CODENAME=trixie\nID=debian\n', false],
  ['a derivative that names the codename of Debian', 'ID=linuxmint\nVERSION_CODENAME=bookworm\nID_LIKE=debian\n', false],
  ['a quoted os-release', 'ID="debian"\nVERSION_CODENAME="bookworm"\n', true],
  ['no os-release', '', false],
])('programs of %s run in the nodes: %s', (_, text, expected) => {
  expect(isNodeUserland(text)).toBe(expected);
});
