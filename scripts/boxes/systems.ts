/** A distribution that a box can hold. */
export interface BoxSystem {
  /** As it is written on the command line, and as an image registry names it: `debian:13`. */
  readonly name: string;
  /** Codename of the release: the suite that apt knows. */
  readonly suite: string;
  /** `mmdebstrap`: assembled from packages through the mirrors of this machine; `image`: pulled from a registry. */
  readonly from: 'mmdebstrap' | 'image';
  /** The first user, as the cloud images of that distribution call it. */
  readonly user: string;
  /** Major release of Node in its own apt. */
  readonly aptNode: number;
  /** False for a suite that has neither updates nor security of its own, so that asking for them would fail. */
  readonly hasUpdates: boolean;
}

const debian = { from: 'mmdebstrap', user: 'debian', hasUpdates: true } as const;
const ubuntu = { from: 'image', user: 'ubuntu', hasUpdates: true } as const;

/** Every system that there is a box of. */
export const systems: readonly BoxSystem[] = [
  { ...debian, name: 'debian:12', suite: 'bookworm', aptNode: 18 },
  { ...debian, name: 'debian:13', suite: 'trixie', aptNode: 20 },
  // A testing suite's Release of -updates may have expired.
  { ...debian, name: 'debian:forky', suite: 'forky', aptNode: 20, hasUpdates: false },
  { ...ubuntu, name: 'ubuntu:22.04', suite: 'jammy', aptNode: 12 },
  { ...ubuntu, name: 'ubuntu:24.04', suite: 'noble', aptNode: 18 },
  { ...ubuntu, name: 'ubuntu:26.04', suite: 'resolute', aptNode: 22 },
];

/** The oldest Node that the toolkit runs on (`engines` in package.json). */
export const OLDEST_NODE = 20;

/** True when the box gets Node from its own apt; else the host's is copied in, as by a tarball install. */
export function hasNodeInApt({ aptNode }: Pick<BoxSystem, 'aptNode'>): boolean {
  return aptNode >= OLDEST_NODE;
}

/**
 * Whether a systemd of this major version can be PID 1 on a host with this version of cgroups: 256 dropped cgroup v1 (systemd NEWS,
 * "Support for cgroup v1 is now considered obsolete").
 */
export function systemdBoots(systemd: number, cgroupVersion: '1' | '2'): boolean {
  return cgroupVersion === '2' || systemd < 256;
}
