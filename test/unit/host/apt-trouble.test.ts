import { describe, expect, test } from 'vitest';
import { aptHint, aptTrouble, describeHolder, heldBy } from '../../../scripts/lib/host/apt-trouble.js';

describe('a lock that another program holds', () => {
  test.each([
    ['E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 812 (unattended-upgr)', 'unattended-upgr, process 812'],
    ['E: Could not get lock /var/lib/apt/lists/lock. It is held by process 4 (apt-get)', 'apt-get, process 4'],
    ['E: Could not get lock /var/cache/apt/archives/lock. It is held by process 77', 'process 77'],
    ['E: Could not get lock /var/lib/dpkg/lock. It is held by process 0', 'another program'],
    ['E: Could not get lock /var/lib/dpkg/lock - open (11: Resource temporarily unavailable)', 'another program'],
    ['dpkg: error: dpkg frontend lock was locked by another process with pid 99', 'process 99'],
    ['dpkg: error: dpkg frontend lock is locked by another process', 'another program'],
  ])('is seen in %j', (output, who) => {
    const holder = heldBy(`Reading package lists...\n${output}\n`);
    expect(holder && describeHolder(holder)).toBe(who);
  });

  test.each([
    'E: Could not open lock file /var/lib/dpkg/lock-frontend - open (13: Permission denied)',
    'E: Could not get lock /var/lib/dpkg/lock - open (13: Permission denied)',
    'E: Unable to locate package lock',
    '',
  ])('is not seen in %j', (output) => {
    expect(heldBy(output)).toBeUndefined();
  });
});

describe('what to do about apt', () => {
  const surroundings = { id: 'debian', components: new Set(['main']), proxy: undefined, refresh: '' };
  const UNKNOWN = 'E: Unable to locate package libnet1-dev';
  const UNREACHABLE = "W: Failed to fetch http://mirror.example/dists/noble/InRelease  Temporary failure resolving 'mirror.example'";

  test.each([
    ['sudo', 'sudo: a password is required', 'Run as root'],
    ['network', `sudo: unable to resolve host box: Name or service not known\n${UNREACHABLE}`, 'name resolution'],
    [
      'interrupted',
      "E: dpkg was interrupted, you must manually run 'sudo dpkg --configure -a' to correct the problem.",
      'dpkg --configure',
    ],
    ['disk full', 'E: Write error - write (28: No space left on device)', 'apt-get clean'],
    ['disk full', "E: You don't have enough free space in /var/cache/apt/archives/.", 'apt-get clean'],
    ['clock', 'E: Release file for http://m/InRelease is not valid yet (invalid for another 3d 2h). Updates will not be applied.', 'date'],
    ['expired', 'E: Release file for http://m/InRelease is expired (invalid since 10d 3h). Updates will not be applied.', 'stale'],
    ['proxy', 'Err:1 http://m noble InRelease\n  407  Proxy Authentication Required [IP: 10.0.0.1 3128]', 'http_proxy='],
    ['network', UNREACHABLE, 'name resolution'],
    ['network', 'Could not connect to m:80 (1.2.3.4), connection timed out', 'name resolution'],
    ['signature', 'W: GPG error: http://m noble InRelease: NO_PUBKEY 0E98404D386FA1D9', 'keyring'],
    ['removal', 'E: Packages need to be removed but remove is disabled.', 'nothing is removed'],
    ['stale', 'E: Failed to fetch http://m/g.deb  404  Not Found [IP: 1.2.3.4 80]', 'being updated'],
    ['unmet', 'The following packages have unmet dependencies:', '--fix-broken'],
    ['no such package', UNKNOWN, 'no package libnet1-dev'],
    ['no such package', "E: Package 'docker.io' has no installation candidate", 'no package docker.io'],
    ['no such package', "E: Version '1' for 'git' was not found", 'no such package'],
  ])('by %s: %s', (trouble, output, hint) => {
    expect(aptTrouble(output)).toBe(trouble);
    expect(aptHint(output, surroundings)).toContain(hint);
  });

  test('is not guessed', () => {
    expect(aptHint('E: something new', surroundings)).toBeUndefined();
  });

  test('about a package that is not found: lists that could not be fetched explain it', () => {
    expect(aptHint(UNKNOWN, { ...surroundings, refresh: UNREACHABLE })).toContain('Check the network');
    expect(aptHint('E: dpkg was interrupted', { ...surroundings, refresh: UNREACHABLE })).toContain('dpkg --configure -a');
  });

  test('on Ubuntu names universe, where that is turned off', () => {
    const ubuntu = { ...surroundings, id: 'ubuntu' };
    expect(aptHint(UNKNOWN, ubuntu)).toContain('add-apt-repository --yes universe');
    expect(aptHint(UNKNOWN, { ...ubuntu, components: new Set(['main', 'universe']) })).not.toContain('universe');
  });

  test('behind a proxy names it', () => {
    expect(aptHint(UNREACHABLE, { ...surroundings, proxy: 'http://proxy:3128' })).toContain('through the proxy http://proxy:3128');
  });
});
