import type { Box } from './plan.js';

/** How long a refusal may take, seconds. */
const AT_ONCE = 5;

/** What was seen of the first command in a box. */
export interface Outcome {
  readonly exitCode: number;
  /** Standard output and error, without colours. */
  readonly output: string;
  readonly seconds: number;
  /** The archive that it named is there and holds something. */
  readonly archiveThere: boolean;
  /** What the case is about, as found afterwards; undefined where it does not apply. */
  readonly containerdImageStore?: boolean;
  readonly passwordsTyped?: number;
  readonly proxyRequests?: readonly string[];
  /** True when the box could reach the network without its proxy. */
  readonly otherWayOut?: boolean;
}

/** How a box ended. `not here`: this host cannot hold such a box, so nothing is known. */
export interface Verdict {
  readonly verdict: 'passed' | 'failed' | 'not here';
  /** What was seen, or what failed. */
  readonly why: string;
}

/** Judges the first command of a box by what it should have shown. */
export function judge({ case: one }: Pick<Box, 'case'>, outcome: Outcome): Verdict {
  const shown = one.expects === 'passes' ? passed(outcome) : refused(outcome);
  if (shown.verdict === 'failed') return shown;
  const special = specific(one.name, outcome);
  return special.verdict === 'failed' ? special : { verdict: 'passed', why: [special.why, shown.why].filter(Boolean).join('; ') };
}

const failed = (why: string): Verdict => ({ verdict: 'failed', why });
const held = (why = ''): Verdict => ({ verdict: 'passed', why });

function passed({ exitCode, output, archiveThere }: Outcome): Verdict {
  if (exitCode !== 0) return failed(`exit code ${exitCode}: ${complaint(output)}`);
  if (archivePath(output) === undefined) return failed('exit code 0, but it names no archive');
  if (!archiveThere) return failed('exit code 0, but the archive that it names is not there');
  return held(/\d+ statements proven/.exec(output)?.[0]);
}

function refused({ exitCode, output, seconds }: Outcome): Verdict {
  if (exitCode === 0) return failed('exit code 0, where it should have refused');
  const after = `${seconds.toFixed(1)} s`;
  if (seconds > AT_ONCE) return failed(`exit code ${exitCode} after ${after}, not within ${AT_ONCE} s: ${complaint(output)}`);
  return held(`refused after ${after}: ${complaint(output)}`);
}

function specific(name: Box['case']['name'], outcome: Outcome): Verdict {
  const { output } = outcome;
  switch (name) {
    case 'containerd-store':
      return outcome.containerdImageStore === true
        ? held('images are in containerd')
        : failed('the engine does not keep its images in containerd');
    case 'apt-lock': {
      const told = /apt is held by .*/.exec(output)?.[0];
      if (told === undefined) return failed('it never said that apt was held');
      return /unattended-upgr/.test(told) ? held(`told: ${told}`) : failed(`it does not name the holder: ${told}`);
    }
    case 'sudo-password':
      return outcome.passwordsTyped === 1
        ? held('the password was asked for once')
        : failed(`the password was asked for ${outcome.passwordsTyped ?? 0} times`);
    case 'node-18':
      if (!/^✖.*\b18\.\d+\.\d+/m.test(output)) return failed(`the first line does not name the version: ${complaint(output)}`);
      return /\b(?:curl|apt|apt-get|nvm|npm|sudo|wget|tar) .+/.test(afterHeadline(output))
        ? held()
        : failed('it gives no command that brings a newer Node');
    case 'proxy':
      if (outcome.otherWayOut === true) return failed('the box had another way out than its proxy');
      return through(outcome.proxyRequests ?? []);
    default:
      return held();
  }
}

function through(requests: readonly string[]): Verdict {
  const tunnels = requests.filter((request) => request.startsWith('CONNECT ')).length;
  const plain = requests.length - tunnels;
  const seen = `${plain} requests and ${tunnels} tunnels went through the proxy`;
  return plain > 0 && tunnels > 0 ? held(seen) : failed(seen);
}

/** The archive that the first command names at its end. */
export function archivePath(output: string): string | undefined {
  return /^archive: (.+?)\r?$/m.exec(output)?.[1];
}

/** The report of what failed: the last error, in one line. */
export function complaint(output: string): string {
  const lines = output.split(/\r?\n/);
  const starts = lines.flatMap((line, index) => (line.startsWith('✖ ') ? [index] : []));
  const last = starts.at(-1);
  if (last === undefined)
    return (
      lines
        .filter((line) => line.trim() !== '')
        .at(-1)
        ?.trim() ?? 'no output'
    );
  const details = lines.slice(last + 1).filter((line) => line.startsWith('  '));
  return [lines[last]?.slice(2) ?? '', ...details.slice(0, 3).map((line) => line.trim())].join(' · ').slice(0, 400);
}

function afterHeadline(output: string): string {
  return output.slice(output.indexOf('✖ ')).split('\n').slice(1).join('\n');
}
