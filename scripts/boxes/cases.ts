import type { BoxSystem } from './systems.js';

/** What a case is meant to end with: the first command goes through, or is refused at once. */
export type Expectation = 'passes' | 'refused';

/** One way in which machines differ. What it does to a box is in `prepare.ts`, what it must show is in `verdict.ts`. */
export interface BoxCase {
  /** As it is written after the system: `debian:13+apt-lock`; empty for a system as it is. */
  readonly name: string;
  /** For the list: what is special about the machine. */
  readonly summary: string;
  readonly expects: Expectation;
  /** Why a system has no such box; undefined when it has. */
  readonly excludes?: (system: BoxSystem) => string | undefined;
  /** Systems whose box of this case runs when none is named. */
  readonly byDefault: (system: BoxSystem) => boolean;
}

const on =
  (...names: readonly string[]) =>
  ({ name }: BoxSystem): boolean =>
    names.includes(name);

/** Every case. */
export const cases = [
  {
    name: '',
    summary: 'as installed: no Docker, no build packages; sudo without a password',
    expects: 'passes',
    byDefault: () => true,
  },
  {
    name: 'containerd-store',
    summary: 'Docker is to keep its images in containerd, as engine 29 does by default',
    expects: 'passes',
    byDefault: on('debian:forky'),
  },
  {
    name: 'apt-lock',
    summary: 'another process holds apt’s and dpkg’s locks for a minute, as apt-daily does after the first boot',
    expects: 'passes',
    byDefault: on('debian:13'),
  },
  {
    name: 'sudo-password',
    summary: 'sudo asks for a password, on a terminal',
    expects: 'passes',
    byDefault: on('debian:13'),
  },
  {
    name: 'node-18',
    summary: 'the Node of its own apt, 18, is too old',
    expects: 'refused',
    excludes: ({ aptNode }) => (aptNode === 18 ? undefined : `its apt has Node ${aptNode}`),
    byDefault: on('debian:12', 'ubuntu:24.04'),
  },
  {
    name: 'proxy',
    summary: 'no way out but an HTTP proxy',
    expects: 'passes',
    byDefault: on('debian:13'),
  },
  {
    name: 'mirror-list',
    summary: 'apt’s mirrors stand in a file of their own (mirror+file:), as on Debian’s cloud images',
    expects: 'passes',
    byDefault: on('debian:13'),
  },
  {
    name: 'path-with-space',
    summary: 'the path of the checkout holds a space',
    expects: 'passes',
    byDefault: on('debian:13'),
  },
  {
    name: 'cgroup-v2',
    summary: 'cgroup v2 alone; where the host has it, every box does',
    expects: 'passes',
    byDefault: on('debian:13'),
  },
] as const satisfies readonly BoxCase[];

/** The name of a case, e.g. `apt-lock`. */
export type CaseName = (typeof cases)[number]['name'];
