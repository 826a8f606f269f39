import { readFile } from 'node:fs/promises';
import type { Context } from './context.js';
import { ToolkitError } from './errors.js';
import { asRoot, hasProgram, type Runner } from './runner.js';

/** The ID and codename of /etc/os-release, e.g. debian and bookworm (os-release(5)). */
export interface Distribution {
  readonly id: string;
  readonly codename: string;
}

/** Reads what distribution this is. */
export async function distribution(osRelease = '/etc/os-release'): Promise<Distribution> {
  const text = await readFile(osRelease, 'utf8').catch(() => '');
  const field = (name: string): string => new RegExp(`^${name}="?([^"\n]*)"?$`, 'm').exec(text)?.[1] ?? '';
  return { id: field('ID'), codename: field('VERSION_CODENAME') };
}

/** Of the packages named, those that are not installed. */
export async function missingPackages(runner: Runner, names: readonly string[]): Promise<string[]> {
  const { stdout } = await runner.run('dpkg-query', ['-W', '-f', '${Package} ${db:Status-Status}\\n', ...names], {
    accept: true,
    failure: 'dpkg-query does not run: this is not a Debian or Ubuntu system',
    hint: 'The toolkit installs build packages with apt. On another distribution install their equivalents by hand; see the README.',
  });
  const installed = new Set(stdout.split('\n').flatMap((line) => (line.endsWith(' installed') ? [line.slice(0, line.indexOf(' '))] : [])));
  return names.filter((name) => !installed.has(name));
}

/** Installs packages, nothing else is upgraded or removed. The package lists are refreshed first. */
export async function installPackages(ctx: Context, names: readonly string[]): Promise<void> {
  await updateLists(ctx);
  // As a word of the command: sudo keeps no variables.
  const install = ['apt-get', 'install', '--yes', '--no-install-recommends', '--no-remove', ...names];
  const [file, args] = asRoot('env', ['DEBIAN_FRONTEND=noninteractive', ...install]);
  await ctx.runner.run(file, args, {
    failure: `apt could not install ${names.join(' ')}`,
    hint: 'On Ubuntu some of them come from the universe component: add-apt-repository universe',
  });
}

/** Refreshes apt's package lists. */
export async function updateLists(ctx: Context): Promise<void> {
  const [file, args] = asRoot('apt-get', ['update']);
  await ctx.runner.run(file, args, {
    failure: 'apt could not refresh its package lists',
    hint: 'Check the network and the mirrors in /etc/apt.',
  });
}

/** Where apt gets the distribution's own suite from, and the key that signs it. */
export interface Mirror {
  readonly uri: string;
  /** Path of a keyring. */
  readonly signedBy: string;
}

const DEBIAN_KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

/**
 * The Debian mirror that this machine itself uses, taken from apt's own view of its sources (apt-get(8), indextargets).
 * @throws ToolkitError when the machine has no Debian source
 */
export async function debianMirror(ctx: Context, osRelease?: string): Promise<Mirror> {
  const { codename } = await distribution(osRelease);
  const list = async (): Promise<string | undefined> => {
    const { stdout } = await ctx.runner.run('apt-get', [
      'indextargets',
      '--format',
      '$(ORIGIN)|$(CODENAME)|$(REPO_URI)',
      'Created-By: Packages',
    ]);
    const rows = stdout.split('\n').map((line) => line.split('|'));
    return rows.find(([origin, name]) => origin === 'Debian' && name === codename)?.[2];
  };
  let uri = await list();
  if (uri === undefined) {
    // Origin and codename are known only once the lists have been fetched.
    await updateLists(ctx);
    uri = await list();
  }
  if (uri === undefined)
    throw new ToolkitError('apt knows no Debian mirror on this machine', { hint: 'Add a source for Debian in /etc/apt/sources.list.d.' });
  return { uri, signedBy: DEBIAN_KEYRING };
}

/**
 * Sources of a Debian suite as lines of a sources.list, through the mirrors that this machine itself uses: its own suites (updates
 * and security among them) with the codename exchanged. None where the machine is no Debian.
 */
export async function debianSources(ctx: Context, suite: string, osRelease?: string): Promise<string[]> {
  const { id, codename } = await distribution(osRelease);
  if (id !== 'debian') return [];
  const { stdout } = await ctx.runner.run('apt-get', [
    'indextargets',
    '--format',
    '$(ORIGIN)|$(RELEASE)|$(COMPONENT)|$(REPO_URI)',
    'Created-By: Packages',
  ]);
  const lines = stdout
    .split('\n')
    .map((line) => line.split('|'))
    .flatMap(([origin, release = '', component, uri]) =>
      origin === 'Debian' && component === 'main' && (release === codename || release.startsWith(`${codename}-`))
        ? [`deb [signed-by=${DEBIAN_KEYRING}] ${uri} ${release.replace(codename, suite)} main`]
        : [],
    );
  return [...new Set(lines)];
}

/** True where apt is what installs packages. */
export function hasApt(runner: Runner): Promise<boolean> {
  return hasProgram(runner, 'apt-get');
}
