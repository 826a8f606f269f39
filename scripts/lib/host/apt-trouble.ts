/** Who holds one of apt's locks, as far as it is known. */
export interface LockHolder {
  readonly pid?: number;
  /** Name of the program, cut off after 15 bytes as the kernel keeps it (proc(5), comm). */
  readonly program?: string;
}

/**
 * Reads out of what apt or dpkg printed that a lock is held by another program: dpkg's (`lock-frontend`, `lock`), that of the lists or
 * that of the downloaded archives. All four messages are alike, and apt itself waits for dpkg's two at most.
 * @returns who holds it, empty where the output does not say; undefined when no lock is held
 */
export function heldBy(output: string): LockHolder | undefined {
  const named = /Could not get lock \S+?\.? It is held by process (\d+)(?: \(([^)]+)\))?/.exec(output);
  if (named !== null) return holder(named[1], named[2]);
  const byDpkg = /lock (?:was|is) locked by another process(?: with pid (\d+))?/.exec(output);
  if (byDpkg !== null) return holder(byDpkg[1]);
  // Without permission it is "Could not open lock file".
  if (/Could not get lock (?!.*13: )|status database is locked by another process/.test(output)) return {};
  return undefined;
}

function holder(pid: string | undefined, program?: string): LockHolder {
  // A process of another PID namespace has the number 0 here.
  return { ...(Number(pid ?? 0) > 0 ? { pid: Number(pid) } : {}), ...(program === undefined ? {} : { program }) };
}

/** `unattended-upgr, process 812`; `another program` where nothing is known. */
export function describeHolder({ pid, program }: LockHolder): string {
  return [program ?? (pid === undefined ? 'another program' : undefined), pid === undefined ? undefined : `process ${pid}`]
    .filter((part) => part !== undefined)
    .join(', ');
}

/** What apt can fail for, by what it printed in the C locale. The first that fits is the reason. */
const TROUBLES = [
  // That it cannot resolve this machine's name is a remark.
  ['sudo', /^sudo: (?!unable to resolve host)/m],
  ['interrupted', /dpkg was interrupted/],
  ['disk full', /No space left on device|have enough free space/],
  ['clock', /is not valid yet \(invalid for another/],
  ['expired', /is expired \(invalid since/],
  ['proxy', /\b407\b.*[Pp]roxy|[Pp]roxy.*\b407\b|Unsupported proxy/],
  [
    'network',
    /Temporary failure resolving|Could not resolve|Could not connect|Unable to connect|Connection (?:failed|timed out|refused)|Network is unreachable|No route to host|\b50[234] /,
  ],
  ['signature', /NO_PUBKEY|is not signed|couldn't be verified|Missing key/],
  ['removal', /need to be removed but remove is disabled/],
  ['stale', /\b404 +Not Found/],
  ['unmet', /unmet dependencies|held broken packages|--fix-broken/],
  ['no such package', /Unable to locate package|has no installation candidate|Version '[^']*' for '[^']*' was not found/],
] as const satisfies ReadonlyArray<readonly [string, RegExp]>;

export type AptTrouble = (typeof TROUBLES)[number][0];

/** What is wrong, by what apt printed; undefined when it is nothing known. */
export function aptTrouble(output: string): AptTrouble | undefined {
  return TROUBLES.find(([, pattern]) => pattern.test(output))?.[0];
}

/** What a hint depends on beside the output. */
export interface Surroundings {
  /** ID of the distribution, as os-release(5) has it. */
  readonly id: string;
  /** Components that apt has sources for: main, universe, … */
  readonly components: ReadonlySet<string>;
  /** The proxy that apt was told of, if any. */
  readonly proxy: string | undefined;
  /** What the refresh of the lists printed: lists that could not be had explain a package that is not found. */
  readonly refresh: string;
}

/** Why packages of these names may be unknown: only apt's lists can tell. */
const LISTS_MISSING: ReadonlySet<AptTrouble> = new Set(['clock', 'expired', 'proxy', 'network', 'signature']);

/** What to do next, chosen by what apt printed; undefined where nothing is known to help. */
export function aptHint(output: string, surroundings: Surroundings): string | undefined {
  const own = aptTrouble(output);
  const before = aptTrouble(surroundings.refresh);
  const unknown = own === undefined || own === 'no such package' || own === 'unmet';
  const trouble = unknown && before !== undefined && LISTS_MISSING.has(before) ? before : own;
  return trouble === undefined ? undefined : hints[trouble](surroundings, output);
}

const SOURCES = '/etc/apt/sources.list and /etc/apt/sources.list.d';

const hints: Record<AptTrouble, (surroundings: Surroundings, output: string) => string> = {
  sudo: () => 'Run as root, or as a user who may use sudo.',
  interrupted: () => 'An earlier installation was cut off. Finish it, then run the same command again: sudo dpkg --configure -a',
  'disk full': () => 'The disk is full. sudo apt-get clean removes packages that were downloaded; df -h / /var shows what is left.',
  clock: () => 'The clock of this machine is behind: see date, and set it (timedatectl set-ntp true).',
  expired: () =>
    `A package list is older than it may be. See whether the clock is right (date); else the mirror is stale, or the release is no longer supported: see ${SOURCES}.`,
  proxy: ({ proxy }) =>
    `The proxy${proxy === undefined ? '' : ` ${proxy}`} refuses: put name and password into its address (http_proxy=http://NAME:PASSWORD@HOST:PORT).`,
  network: ({ proxy }) =>
    proxy === undefined
      ? `The mirrors cannot be reached. Check the network and name resolution, and the mirrors in ${SOURCES}; where a proxy must be used, set http_proxy.`
      : `The mirrors cannot be reached through the proxy ${proxy}: see http_proxy, and apt-config dump Acquire::http::Proxy.`,
  signature: () => `A package list is not signed by a key that apt knows. Update the keyring, or take the source out of ${SOURCES}.`,
  removal: () =>
    'Packages that are installed stand in the way, and nothing is removed here. Remove them yourself if you can spare them: see the output above.',
  stale: () =>
    `The mirror lacks files that its own list names: it is being updated. Try again in some minutes, or choose another one in ${SOURCES}.`,
  unmet: () =>
    'apt is not at one with itself. See: sudo apt-get --fix-broken install, and apt-mark showhold for packages that are held back.',
  'no such package': ({ id, components }, output) => {
    if (id === 'ubuntu' && !components.has('universe'))
      return 'Some packages come from the component universe, which is turned off: sudo add-apt-repository --yes universe (from software-properties-common)';
    const name = /Unable to locate package (\S+)|Package '?([^' ]+)'? has no installation candidate/.exec(output);
    const which = name?.[1] ?? name?.[2];
    return `The sources in ${SOURCES} have no ${which === undefined ? 'such package' : `package ${which}`}: see whether the distribution's own main component is among them.`;
  },
};
