import type { Tell } from './go-progress.js';

/** A part of a program's work, known by a line that it prints as it comes to it. */
export interface Phase {
  readonly line: RegExp;
  /** For people. */
  readonly name: string;
  /** Part of the whole that is behind it then, 0 to 1, by its time. */
  readonly behind: number;
}

/** Follows a program by the phases that it prints. @returns takes each line */
export function followPhases(tell: Tell, phases: readonly Phase[]): (line: string) => void {
  return (line) => {
    const phase = phases.find((one) => one.line.test(line));
    if (phase !== undefined) tell(phase.behind, phase.name);
  };
}

/** What mmdebstrap(1) prints, and when: of 131 s on two busy cores with a mirror near by. */
export const mmdebstrapPhases: readonly Phase[] = [
  { line: /^I: running apt-get update/, name: 'fetching package lists', behind: 0.01 },
  { line: /^I: downloading packages/, name: 'fetching packages', behind: 0.07 },
  { line: /^I: extracting archives/, name: 'unpacking packages', behind: 0.1 },
  { line: /^I: installing essential packages/, name: 'installing essential packages', behind: 0.44 },
  { line: /^I: installing remaining packages/, name: 'installing the other packages', behind: 0.65 },
  { line: /^I: creating tarball/, name: 'packing', behind: 0.95 },
];
