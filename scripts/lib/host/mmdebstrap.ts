import { chmod, copyFile, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { CommandError } from '../core/errors.js';
import type { RunOptions } from '../core/runner.js';
import { shWord } from '../core/shell.js';
import { asRoot } from '../core/sudo.js';
import { type AptContext, aptHintFor } from './apt.js';
import { debianSources } from './apt-sources.js';
import { proxyWords } from './proxies.js';

export interface Bootstrap {
  readonly suite: string;
  readonly packages: readonly string[];
  /** dpkg(1)'s options, e.g. `path-exclude=/usr/share/man/*`. */
  readonly dpkgOptions: readonly string[];
  /** Folder with the keys that sign the suite, as armoured `.asc` files: what the machine trusts may be too old, or absent. */
  readonly keys: string;
  /** The tar to make. */
  readonly target: string;
}

/**
 * For what apt's methods read as the user _apt, to whom home folders are closed. Not TMPDIR: that may be a folder of this user's alone
 * (pam_tmpdir(8)), and keys that cannot be read are reported as keys that are not there.
 */
const READABLE = '/tmp';

/** Settings of the machine's apt that say how it reaches its mirrors (apt.conf(5), apt-transport-http(1)). */
const REACH = /^Acquire::(?:(?:http|https)::\S+|Retries|ForceIPv4|ForceIPv6) /i;

/** Of `apt-config dump`, the lines that say how mirrors are reached: proxies, certificates, retries. */
export function reachSettings(dump: string): string {
  return dump
    .split('\n')
    .filter((line) => REACH.test(line) && !/ "";$/.test(line))
    .map((line) => `${line}\n`)
    .join('');
}

/**
 * Assembles a Debian root file system. Every package is verified with the keys given, whatever distribution this is: on a Debian from
 * the machine's own mirrors, elsewhere from those that mmdebstrap knows. It goes through the proxies of the environment and those that
 * the machine's apt is set to, of which mmdebstrap's own apt reads nothing; none of that stays in the result.
 * @throws CommandError with a hint that fits what apt printed
 */
export async function bootstrapDebian(
  ctx: AptContext,
  { suite, packages, dpkgOptions, keys, target }: Bootstrap,
  options: Pick<RunOptions, 'onEachLine' | 'failure'>,
): Promise<void> {
  const folder = await mkdtemp(path.join(READABLE, 'kind-checkpoint-bootstrap-'));
  try {
    await copyKeys(keys, folder);
    const { stdout: dump } = await ctx.runner.run('apt-config', ['dump'], { accept: true });
    const settings = path.join(folder, 'settings');
    // It may hold the password of a proxy.
    await writeFile(settings, reachSettings(dump), { mode: 0o600 });
    const [program, args] = asRoot('env', [
      'LC_ALL=C',
      ...proxyWords(ctx.env),
      'mmdebstrap',
      '--variant=minbase',
      '--format=tar',
      ...dpkgOptions.map((option) => `--dpkgopt=${option}`),
      `--include=${packages.join(',')}`,
      `--keyring=${folder}`,
      ...hooks(settings),
      suite,
      target,
      ...(await debianSources(ctx, suite)),
    ]);
    await run(ctx, program, args, options);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** For the time of the work only: how mirrors are reached; and no key but the given ones, which mmdebstrap would choose by itself. */
function hooks(settings: string): string[] {
  const inside = '"$1"/etc/apt/apt.conf.d/00kind-checkpoint';
  const sources = '"$1"/etc/apt/sources.list "$1"/etc/apt/sources.list.d/*';
  return [
    `--setup-hook=mkdir -p "$1"/etc/apt/apt.conf.d && cp ${shWord(settings)} ${inside}`,
    `--setup-hook=for f in ${sources}; do [ ! -f "$f" ] || sed -i -e 's/\\[signed-by=[^]]*\\] *//' -e '/^Signed-By:/d' "$f"; done`,
    `--customize-hook=rm -f ${inside}`,
  ];
}

async function copyKeys(keys: string, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await chmod(folder, 0o755);
  for (const name of (await readdir(keys)).filter((entry) => entry.endsWith('.asc'))) {
    await copyFile(path.join(keys, name), path.join(folder, name));
    await chmod(path.join(folder, name), 0o644);
  }
}

async function run(
  ctx: AptContext,
  program: string,
  args: readonly string[],
  options: Pick<RunOptions, 'onEachLine' | 'failure'>,
): Promise<void> {
  try {
    await ctx.runner.run(program, args, options);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    const hint = await aptHintFor(ctx, error.output);
    if (hint === undefined) throw error;
    throw new CommandError(error.command, error.commandExitCode, error.output, { message: error.message, hint, log: error.log });
  }
}
