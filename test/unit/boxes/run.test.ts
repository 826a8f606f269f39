import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Box, chosenBoxes } from '../../../scripts/boxes/plan.js';
import { runBox } from '../../../scripts/boxes/run.js';
import { type TestContext, temporaryFolder, testContext } from '../../support/context.js';
import { type Answer, type Call, type FakeRunner, fakeRunner } from '../../support/fake-runner.js';

function boxCalled(name: string): Box {
  const [box] = chosenBoxes([name]);
  if (box === undefined) throw new TypeError(`there is no box ${name}`);
  return box;
}

/** A machine with Docker on which boxes start; `firstCommand` is what the first command does there. */
function machine(firstCommand: Answer, { cgroups = '1' }: { cgroups?: string } = {}): { ctx: TestContext; runner: FakeRunner } {
  const runner = fakeRunner((call: Call): Answer => {
    const { line, args, file } = call;
    if (line.startsWith('docker info')) return cgroups;
    if (args.includes('--variant=important') && (file === 'mmdebstrap' || args.includes('mmdebstrap'))) {
      writeFileSync(args[args.indexOf('bookworm') + 1] ?? '', 'a root file system');
      return '';
    }
    if (line.startsWith('dpkg-query'))
      return args
        .slice(3)
        .map((name) => `${name} installed`)
        .join('\n');
    if (line.startsWith('docker image inspect')) return 1;
    if (line.includes('systemctl --version')) return 'systemd 252';
    if (line.includes('is-system-running')) return 'running';
    if (line.includes('command -v npm')) return npm();
    if (line.includes('npm run e2e:checkpoint')) return firstCommand;
    if (line.includes('docker info --format')) return '26.1.5|overlay2|[]';
    return '';
  });
  return { ctx: testContext({ runner, options: { instance: 'mine' } }), runner };
}

/** npm as it lies on disk. */
function npm(): string {
  const program = path.join(temporaryFolder(), 'lib', 'node_modules', 'npm', 'bin', 'npm-cli.js');
  mkdirSync(path.dirname(program), { recursive: true });
  writeFileSync(program, '');
  return program;
}

const passes = 'all of it in 400 s\narchive: /home/debian/kind-checkpoint/.cache/archives/a.tar';
const removed = ({ lines }: FakeRunner): string[] => lines.filter((line) => line.startsWith('docker ps --all'));

describe('a box', () => {
  test('is judged by its first command, which its user runs after a login, and removed', async () => {
    const { ctx, runner } = machine(passes);
    const report = await runBox(ctx, boxCalled('debian:12'), { keep: false });
    expect(report).toMatchObject({ system: 'debian:12', case: '', init: 'systemd 252', verdict: 'passed' });
    const command = runner.calls.find(({ line }) => line.includes('npm run e2e:checkpoint'));
    expect(command?.args.slice(-3)).toEqual(['bash', '-lc', "cd '/home/debian/kind-checkpoint' && npm run e2e:checkpoint"]);
    expect(command?.args.slice(0, 3)).toEqual(['exec', '--user', 'debian']);
    expect(removed(runner)).toHaveLength(1);
  });

  test('that failed is removed too, and its logs are taken out before', async () => {
    const { ctx, runner } = machine({ exitCode: 1, stderr: '✖ no' });
    const report = await runBox(ctx, boxCalled('debian:12'), { keep: false });
    expect(report).toMatchObject({ verdict: 'failed', why: 'exit code 1: no' });
    const lines = runner.lines;
    const logs = lines.findIndex((line) => line.includes('journalctl'));
    expect(logs).toBeGreaterThan(0);
    expect(lines.findIndex((line) => line.startsWith('docker ps --all'))).toBeGreaterThan(logs);
  });

  test('that failed is left on request, and it is told how to get in', async () => {
    const { ctx, runner } = machine({ exitCode: 1, stderr: '✖ no' });
    await runBox(ctx, boxCalled('debian:12'), { keep: true });
    expect(removed(runner)).toEqual([]);
    expect(ctx.said.find((line) => line.includes('is kept'))).toMatch(/docker exec -it --user debian box-mine-\d+-debian-12 bash -l$/);
  });

  test('that passed is not left, even on request', async () => {
    const { ctx, runner } = machine(passes);
    await runBox(ctx, boxCalled('debian:12'), { keep: true });
    expect(removed(runner)).toHaveLength(1);
  });

  test('is removed when the run is stopped in the middle', async () => {
    const reason = new Error('stopped');
    const { ctx, runner } = machine(() => {
      ctx.abort.abort(reason);
      throw reason;
    });
    await expect(runBox(ctx, boxCalled('debian:12'), { keep: true })).rejects.toBe(reason);
    expect(removed(runner)).toHaveLength(1);
  });

  test('that cannot be here is told, and nothing is started for it', async () => {
    const { ctx, runner } = machine(passes);
    const report = await runBox(ctx, boxCalled('debian:13+cgroup-v2'), { keep: false });
    expect(report).toMatchObject({ verdict: 'not here', why: 'not here: this host has cgroup v1', minutes: null });
    expect(runner.lines).toHaveLength(1);
  });

  test('whose sudo asks gets its password typed on a terminal', async () => {
    const { ctx, runner } = machine((call: Call) => {
      const typed = call.options.reply?.('[sudo] password for debian:');
      return typed === undefined ? 1 : passes;
    });
    const report = await runBox(ctx, boxCalled('debian:12+sudo-password'), { keep: false });
    expect(report).toMatchObject({ verdict: 'passed', why: 'the password was asked for once' });
    const script = runner.calls.find(({ line }) => line.includes('npm run e2e:checkpoint'))?.args.at(-1) ?? '';
    expect(script).toMatch(/^script -qefc /);
    // No rule that spares the password.
    expect(runner.lines.some((line) => line.includes('NOPASSWD'))).toBe(false);
  });

  test('in a path with a space gets its commands quoted', async () => {
    const { ctx, runner } = machine(passes);
    await runBox(ctx, boxCalled('debian:12+path-with-space'), { keep: false });
    const script = runner.calls.find(({ line }) => line.includes('npm run e2e:checkpoint'))?.args.at(-1) ?? '';
    expect(script).toContain("cd '/home/debian/my checkouts/kind-checkpoint' &&");
  });

  test('leaves its root file system for the next one', async () => {
    const { ctx, runner } = machine(passes);
    await runBox(ctx, boxCalled('debian:12'), { keep: false });
    await runBox(ctx, boxCalled('debian:12+apt-lock'), { keep: false });
    expect(runner.lines.filter((line) => line.includes('--variant=important'))).toHaveLength(1);
    expect(readdirSync(path.join(ctx.paths.cache, 'boxes'))).toEqual(['debian-12.tar']);
  });
});
