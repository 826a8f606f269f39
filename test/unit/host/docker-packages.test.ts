import { describe, expect, test } from 'vitest';
import { choosePackages, dockerPackages, type PackageState, parsePolicy } from '../../../scripts/lib/host/docker-packages.js';
import { fakeRunner } from '../../support/fake-runner.js';

const all = { engine: true, client: true, buildx: true };
const buildx = { engine: false, client: false, buildx: true };

/** What apt knows: candidates by name; a star stands before a package that is installed. */
function known(candidates: Readonly<Record<string, string>>): ReadonlyMap<string, PackageState> {
  return new Map(
    Object.entries(candidates).map(([name, candidate]) => [
      name.replace('*', ''),
      { candidate: candidate === '' ? undefined : candidate, installed: name.startsWith('*') ? candidate || '1' : undefined },
    ]),
  );
}

test('what apt-cache policy prints is read: installed, candidate, or neither', () => {
  const text = [
    'docker.io:',
    '  Installed: (none)',
    '  Candidate: 28.5.2+dfsg1-1',
    '  Version table:',
    '     28.5.2+dfsg1-1 500',
    '        500 http://mirror.example/debian forky/main amd64 Packages',
    'docker-ce:',
    '  Installed: 5:29.7.0-1~debian.13~trixie',
    '  Candidate: 5:29.7.0-1~debian.13~trixie',
    '  Version table:',
    ' *** 5:29.7.0-1~debian.13~trixie 100',
    '        100 /var/lib/dpkg/status',
    'docker-cli:',
    '  Installed: (none)',
    '  Candidate: (none)',
    '  Version table:',
  ].join('\n');
  expect(Object.fromEntries(parsePolicy(text))).toEqual({
    'docker.io': { installed: undefined, candidate: '28.5.2+dfsg1-1' },
    'docker-ce': { installed: '5:29.7.0-1~debian.13~trixie', candidate: '5:29.7.0-1~debian.13~trixie' },
    'docker-cli': { installed: undefined, candidate: undefined },
  });
  expect(parsePolicy('').size).toBe(0);
});

test('apt is asked in English, whose words are read', async () => {
  const runner = fakeRunner(() => '');
  await dockerPackages({ runner });
  expect(runner.calls[0]?.options.env).toEqual({ LC_ALL: 'C' });
  expect(runner.calls[0]?.args.slice(0, 2)).toEqual(['policy', 'docker.io']);
});

describe('where there is no engine, apt installs', () => {
  test.each([
    ['Debian forky', { 'docker.io': '28.5.2+dfsg1-1', 'docker-cli': '28.5.2+dfsg1-1', 'docker-buildx': '0.29.1' }],
    ['Debian 13', { 'docker.io': '26.1.5+dfsg1-9', 'docker-cli': '26.1.5+dfsg1-9', 'docker-buildx': '0.13.1' }],
    ['a release of the future', { 'docker.io': '31.0.1', 'docker-cli': '31.0.1', 'docker-buildx': '1.2.0' }],
  ])('the candidate of %s', (_, candidates) => {
    expect(choosePackages(known(candidates), all)).toEqual(['docker.io', 'docker-cli', 'docker-buildx']);
  });

  test('on Ubuntu the candidate of its updates, whose client comes with the engine', () => {
    expect(choosePackages(known({ 'docker.io': '29.1.3-0ubuntu1~24.04.1', 'docker-buildx': '0.21.3', 'docker-cli': '' }), all)).toEqual([
      'docker.io',
      'docker-buildx',
    ]);
  });

  test('Docker’s own packages where somebody has added its repository', () => {
    const own = {
      'docker-ce': '5:29.7.0-1~ubuntu.24.04~noble',
      'docker-ce-cli': '5:29.7.0',
      'containerd.io': '2.2.0',
      'docker-buildx-plugin': '0.30',
    };
    expect(choosePackages(known({ 'docker.io': '29.1.3', 'docker-buildx': '0.21.3', ...own }), all)).toEqual([
      'docker-ce',
      'containerd.io',
      'docker-ce-cli',
      'docker-buildx-plugin',
    ]);
  });

  test.each([
    ['the candidate is too old, as on Debian 12', { 'docker.io': '20.10.24+dfsg1-1+deb12u1' }],
    ['it knows no engine', { 'docker.io': '' }],
    ['it knows no builder', { 'docker.io': '29.1.3', 'docker-buildx': '' }],
    ['it knows nothing', {}],
  ])('nothing where %s', (_, candidates) => {
    expect(choosePackages(known(candidates), all)).toBeUndefined();
  });
});

describe('to an engine that is there, apt adds', () => {
  test.each([
    ['docker-buildx', 'the distribution’s', { '*docker.io': '28.5.2', 'docker-buildx': '0.29.1', 'docker-buildx-plugin': '' }],
    ['docker-buildx', 'one without a package', { 'docker.io': '20.10.24', 'docker-buildx': '0.29.1' }],
    [
      'docker-buildx-plugin',
      'Docker’s own',
      { '*docker-ce-cli': '5:29.7.0', '*docker-ce': '5:29.7.0', 'docker-buildx': '0.21', 'docker-buildx-plugin': '0.30' },
    ],
    [
      'docker-buildx',
      'the distribution’s, although Docker’s repository is known',
      { '*docker.io': '29.1.3', 'docker-ce': '5:29.7.0', 'docker-buildx': '0.21', 'docker-buildx-plugin': '0.30' },
    ],
  ])('%s: the builder of %s', (name, _, candidates) => {
    expect(choosePackages(known(candidates), buildx)).toEqual([name]);
  });

  test('the client, where it is a package of its own', () => {
    const wanted = { engine: false, client: true, buildx: false };
    expect(choosePackages(known({ '*docker.io': '28.5.2', 'docker-cli': '28.5.2' }), wanted)).toEqual(['docker-cli']);
  });
});
