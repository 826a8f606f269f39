import { describe, expect, test } from 'vitest';
import { chosenBoxes } from '../../../scripts/boxes/plan.js';
import { type BoxReport, boxCount, boxTable, exitCodeFor } from '../../../scripts/boxes/report.js';
import { archivePath, complaint, judge, type Outcome, type Verdict } from '../../../scripts/boxes/verdict.js';

const ARCHIVE = 'all of it in 900.0 s; the cluster is left up\narchive: /home/debian/kind-checkpoint/.cache/archives/a.tar\n';
const good: Outcome = { exitCode: 0, output: ARCHIVE, seconds: 900, archiveThere: true };

function verdictOf(name: string, outcome: Partial<Outcome> = {}): Verdict {
  const [box] = chosenBoxes([name]);
  if (box === undefined) throw new TypeError(`there is no box ${name}`);
  return judge(box, { ...good, ...outcome });
}

describe('a box whose first command is to go through', () => {
  test('passes when it ended well and its archive is there', () => {
    expect(verdictOf('debian:12')).toEqual({ verdict: 'passed', why: '' });
  });

  test('tells how much was proven in it', () => {
    const output = `11 statements proven in 19.1 s, ${ARCHIVE}`;
    expect(verdictOf('debian:12', { output })).toEqual({ verdict: 'passed', why: '11 statements proven' });
  });

  test('fails with what the command complained of', () => {
    const output = '17:00:00 ✖ Docker engine: no\n✖ apt could not refresh its lists\n  apt-get update → exit code 100\n  E: no lock\n';
    expect(verdictOf('debian:12', { exitCode: 1, output })).toEqual({
      verdict: 'failed',
      why: 'exit code 1: apt could not refresh its lists · apt-get update → exit code 100 · E: no lock',
    });
  });

  test.each([
    { what: 'it names no archive', outcome: { output: 'done' }, why: 'exit code 0, but it names no archive' },
    { what: 'its archive is not there', outcome: { archiveThere: false }, why: 'exit code 0, but the archive that it names is not there' },
  ])('fails although it ended with 0, when $what', ({ outcome, why }) => {
    expect(verdictOf('debian:13', outcome)).toEqual({ verdict: 'failed', why });
  });
});

describe('a held apt lock', () => {
  const held = 'apt is held by unattended-upgr, process 812: waiting, 0 s';

  test('passes when the holder was named', () => {
    expect(verdictOf('debian:13+apt-lock', { output: `${held}\n${ARCHIVE}` })).toEqual({ verdict: 'passed', why: `told: ${held}` });
  });

  test('fails when nothing was said, for then nobody waited', () => {
    expect(verdictOf('debian:13+apt-lock').verdict).toBe('failed');
  });

  test('fails when the holder has no name', () => {
    const output = `apt is held by another process: waiting, 0 s\n${ARCHIVE}`;
    expect(verdictOf('debian:13+apt-lock', { output }).why).toContain('does not name the holder');
  });
});

test('an image store in containerd must be in use in the end', () => {
  expect(verdictOf('debian:forky+containerd-store', { containerdImageStore: true }).verdict).toBe('passed');
  expect(verdictOf('debian:forky+containerd-store', { containerdImageStore: false }).verdict).toBe('failed');
  expect(verdictOf('debian:forky+containerd-store').verdict).toBe('failed');
});

test('a password is to be asked for once', () => {
  expect(verdictOf('debian:13+sudo-password', { passwordsTyped: 1 }).verdict).toBe('passed');
  expect(verdictOf('debian:13+sudo-password', { passwordsTyped: 3 })).toEqual({
    verdict: 'failed',
    why: 'the password was asked for 3 times',
  });
  expect(verdictOf('debian:13+sudo-password', { passwordsTyped: 0 }).verdict).toBe('failed');
});

describe('an old Node', () => {
  const refusal =
    '> kind-checkpoint@0.1.0 e2e:checkpoint\n\n✖ Node 18.20.4 is too old\n  curl -fsSL https://example.org/setup | sudo bash -\n';

  test('passes when it is refused at once, by its version and with the commands', () => {
    const { verdict, why } = verdictOf('debian:12+node-18', { exitCode: 1, output: refusal, seconds: 0.4 });
    expect(verdict).toBe('passed');
    expect(why).toContain('refused after 0.4 s: Node 18.20.4 is too old');
  });

  test.each([
    { what: 'goes through', outcome: { exitCode: 0, output: ARCHIVE }, why: 'exit code 0, where it should have refused' },
    { what: 'is refused late', outcome: { exitCode: 1, output: refusal, seconds: 40 }, why: 'exit code 1 after 40.0 s, not within 5 s' },
    { what: 'does not name it', outcome: { exitCode: 1, output: '✖ too old\n  apt install nodejs\n', seconds: 1 }, why: 'does not name' },
    {
      what: 'gives no command',
      outcome: { exitCode: 1, output: '✖ Node 18.20.4 is too old\n  Install 20.\n', seconds: 1 },
      why: 'no command',
    },
  ])('fails when the command $what', ({ outcome, why }) => {
    const judged = verdictOf('debian:12+node-18', outcome);
    expect(judged.verdict).toBe('failed');
    expect(judged.why).toContain(why);
  });
});

describe('a proxy', () => {
  const proxyRequests = ['GET http://mirror.example/a', 'CONNECT registry.example:443', 'CONNECT modules.example:443'];

  test('passes when all went through it', () => {
    expect(verdictOf('debian:13+proxy', { proxyRequests, otherWayOut: false }).why).toBe('1 requests and 2 tunnels went through the proxy');
  });

  test('fails when there was another way out, for then it proves nothing', () => {
    expect(verdictOf('debian:13+proxy', { proxyRequests, otherWayOut: true }).verdict).toBe('failed');
  });

  test('fails when nothing went through it', () => {
    expect(verdictOf('debian:13+proxy', { proxyRequests: [], otherWayOut: false }).verdict).toBe('failed');
  });
});

test('a path with a space is no reason to refuse', () => {
  expect(verdictOf('debian:13+path-with-space').verdict).toBe('passed');
  const refusal = { exitCode: 2, output: '✖ the path of the checkout holds a space\n', seconds: 1 };
  expect(verdictOf('debian:13+path-with-space', refusal).verdict).toBe('failed');
});

describe('what a command complained of', () => {
  test('is its last error, and not that of a step', () => {
    expect(complaint('✖ first\n  a\n✖ second\n  b\n  c\n  d\n  e\n')).toBe('second · b · c · d');
  });

  test('is its last line when it reports no error', () => {
    expect(complaint('something\nKilled\n\n')).toBe('Killed');
    expect(complaint('')).toBe('no output');
  });

  test('holds no archive; the archive is told in a line of its own, on a terminal too', () => {
    expect(archivePath('archive: /a b/c.tar\r\nmore')).toBe('/a b/c.tar');
    expect(archivePath('the archive: /a')).toBeUndefined();
  });
});

describe('the report', () => {
  const report = (verdict: Verdict['verdict'], rest: Partial<BoxReport> = {}): BoxReport => ({
    system: 'debian:13',
    case: '',
    init: 'none',
    engine: '26.1.5 overlay2',
    minutes: 12.34,
    log: '/logs',
    verdict,
    why: 'seen',
    ...rest,
  });

  test('is a table with a row a box', () => {
    const rows = boxTable([
      report('passed'),
      report('not here', { case: 'cgroup-v2', init: null, engine: null, minutes: null, why: 'not here: this host has cgroup v1' }),
    ])
      .split('\n')
      .filter((line) => line.includes('debian:13'))
      .map((line) => line.split('│').map((cell) => cell.trim()));
    expect(rows).toEqual([
      ['', 'debian:13', 'as installed', 'none', '26.1.5 overlay2', 'passed', '12.3', 'seen', ''],
      ['', 'debian:13', 'cgroup-v2', '–', '–', 'not here', '–', 'not here: this host has cgroup v1', ''],
    ]);
  });

  test('counts, and does not count what is not here as passed', () => {
    expect(boxCount([report('passed'), report('failed'), report('not here')])).toBe('1 passed, 1 failed, 1 not here');
    expect(boxCount([report('passed')])).toBe('1 passed, 0 failed');
  });

  test.each([
    { verdicts: ['passed', 'not here'], code: 0 },
    { verdicts: ['passed', 'failed'], code: 1 },
    { verdicts: ['not here'], code: 1 },
    { verdicts: [], code: 1 },
  ] as const)('of $verdicts exits with $code', ({ verdicts, code }) => {
    expect(exitCodeFor(verdicts.map((verdict) => report(verdict)))).toBe(code);
  });
});
