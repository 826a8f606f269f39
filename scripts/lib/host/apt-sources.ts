import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { Context } from '../core/context.js';
import { ToolkitError } from '../core/errors.js';
import { readIfThere, writeAtomically } from '../core/files.js';
import { type AptContext, aptGet, updateLists } from './apt.js';
import { distribution } from './distribution.js';

/** Where apt gets the distribution's own suite from, and the key that signs it. */
export interface Mirror {
  readonly uri: string;
  /** Path of a keyring. */
  readonly signedBy: string;
}

/** Where the package debian-archive-keyring has it. */
export const DEBIAN_KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** apt's own view of its sources, a row a package list (apt-get(8), indextargets). */
async function targets({ runner }: Pick<Context, 'runner'>, format: string): Promise<string[][]> {
  const { stdout } = await runner.run('apt-get', ['indextargets', '--format', format, 'Created-By: Packages']);
  return stdout.split('\n').map((line) => line.split('|'));
}

/**
 * The file of a source that is a list of mirrors, as Debian's cloud images and GitHub's runners have it (apt-transport-mirror(1)).
 * @returns its path; undefined for other sources
 */
export function mirrorListFile(uri: string): string | undefined {
  return /^mirror\+file:(\/.*?)\/?$/.exec(uri)?.[1];
}

/** The mirrors in the text of such a list, in its order. */
export function mirrorsIn(text: string): string[] {
  return [...text.matchAll(/^\s*(https?:\/\/\S+)/gm)].map(([, uri = '']) => uri);
}

/** A mirror that can be used outside this machine, in nodes and builds, which do not have its lists of mirrors. */
async function plainMirror(uri: string): Promise<string> {
  const file = mirrorListFile(uri);
  return (file === undefined ? undefined : mirrorsIn((await readIfThere(file)) ?? '')[0]) ?? uri;
}

/**
 * The Debian mirror that this machine itself uses.
 * @throws ToolkitError when the machine has no Debian source
 */
export async function debianMirror(ctx: AptContext, osRelease?: string): Promise<Mirror> {
  const { codename } = await distribution(osRelease);
  const find = async (): Promise<string | undefined> => {
    const rows = await targets(ctx, '$(ORIGIN)|$(CODENAME)|$(REPO_URI)');
    return rows.find(([origin, name]) => origin === 'Debian' && name === codename)?.[2];
  };
  let uri = await find();
  if (uri === undefined) {
    // Origin and codename are known only once the lists have been fetched.
    await updateLists(ctx);
    uri = await find();
  }
  if (uri === undefined)
    throw new ToolkitError('apt knows no Debian mirror on this machine', { hint: 'Add a source for Debian in /etc/apt/sources.list.d.' });
  return { uri: await plainMirror(uri), signedBy: DEBIAN_KEYRING };
}

/**
 * Sources of a Debian suite as lines of a sources.list, through the mirrors that this machine itself uses: its own suites (updates
 * and security among them) with the codename exchanged. None where the machine is no Debian.
 */
export async function debianSources(ctx: Pick<Context, 'runner'>, suite: string, osRelease?: string): Promise<string[]> {
  const { id, codename } = await distribution(osRelease);
  if (id !== 'debian') return [];
  const rows = await targets(ctx, '$(ORIGIN)|$(RELEASE)|$(COMPONENT)|$(REPO_URI)');
  const plain = await Promise.all(
    rows.map(async ([origin, release, component, uri = '']) => [origin, release, component, await plainMirror(uri)]),
  );
  const lines = plain.flatMap(([origin, release = '', component, uri]) =>
    origin === 'Debian' && component === 'main' && (release === codename || release.startsWith(`${codename}-`))
      ? [`deb ${uri} ${release.replace(codename, suite)} main`]
      : [],
  );
  return [...new Set(lines)];
}

/** A file of a source package of a Debian suite. */
export interface DebianSource {
  readonly debian: string;
  readonly version: string;
  readonly suite: string;
  readonly file: string;
}

/**
 * Fetches a file of a source package, with lists and a configuration of its own: those of the machine stay as they are, and none of
 * its locks is taken.
 * @param folder an empty folder, absolute
 * @returns the file's path
 */
export async function fetchDebianSource(
  ctx: AptContext,
  { debian, version, suite, file }: DebianSource,
  folder: string,
  osRelease?: string,
): Promise<string> {
  const { uri, signedBy } = await debianMirror(ctx, osRelease);
  const list = path.join(folder, 'sources.list');
  await writeAtomically(list, `deb-src [signed-by=${signedBy}] ${uri} ${suite} main\n`);
  await mkdir(path.join(folder, 'lists', 'partial'), { recursive: true });
  const options = [
    `Dir::Etc::sourcelist=${list}`,
    'Dir::Etc::sourceparts=-',
    `Dir::State::lists=${folder}/lists`,
    `Dir::Cache=${folder}/cache`,
    'APT::Sandbox::User=root',
    // A list that cannot be fetched is a warning otherwise.
    'APT::Update::Error-Mode=any',
  ].flatMap((option) => ['-o', option]);
  const get = (args: readonly string[], failure: string): Promise<string> =>
    aptGet(ctx, [...options, ...args], { cwd: folder, root: false, failure });
  await get(['update'], `the ${suite} suite is not available`);
  await get(['source', '--download-only', '--only-source', '--tar-only', `${debian}=${version}`], `${debian} ${version} is not available`);
  return path.join(folder, file);
}
