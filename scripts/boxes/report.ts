import { table } from '../lib/cli/table.js';
import type { Verdict } from './verdict.js';

/** A box of a run, as it is reported. */
export interface BoxReport extends Verdict {
  /** `debian:13` */
  readonly system: string;
  /** `apt-lock`; empty for a system as it is. */
  readonly case: string;
  readonly init: string | null;
  /** The Docker engine that the box had in the end. */
  readonly engine: string | null;
  /** Of the first command alone, minutes; null where it did not run. */
  readonly minutes: number | null;
  /** Folder or file with its output; null where there is none. */
  readonly log: string | null;
}

/** The table of a run for people. */
export function boxTable(reports: readonly BoxReport[], width?: number): string {
  const rows = reports.map((report) => [
    report.system,
    report.case || 'as installed',
    report.init ?? '–',
    report.engine ?? '–',
    report.verdict,
    report.minutes === null ? '–' : report.minutes.toFixed(1),
    report.why,
  ]);
  const head = ['box', 'case', 'init', 'Docker', 'verdict', 'minutes', 'seen'];
  return width === undefined ? table(head, rows) : table(head, rows, width);
}

/** One line that counts, e.g. `3 passed, 1 failed, 2 not here`. */
export function boxCount(reports: readonly BoxReport[]): string {
  const count = (verdict: Verdict['verdict']): number => reports.filter((report) => report.verdict === verdict).length;
  const absent = count('not here');
  return `${count('passed')} passed, ${count('failed')} failed${absent > 0 ? `, ${absent} not here` : ''}`;
}

/** 0 when all that could run did pass, and something did: what was not tried proves nothing. */
export function exitCodeFor(reports: readonly BoxReport[]): number {
  const passed = reports.some(({ verdict }) => verdict === 'passed');
  return passed && reports.every(({ verdict }) => verdict !== 'failed') ? 0 : 1;
}
