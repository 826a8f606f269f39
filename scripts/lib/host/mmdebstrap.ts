import { chmod, copyFile, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { CommandError } from '../core/errors.js';
import type { RunOptions } from '../core/runner.js';
import { shWord } from '../core/shell.js';
import { asRoot } from '../core/sudo.js';
import { type AptContext, aptHintFor } from './apt.js';
import { readReachSettings } from './apt-settings.js';
import { proxyWords } from './proxies.js';

/** A root file system to assemble. */
export interface Bootstrap {
  readonly suite: string;
  /** `minbase`: the essential packages, and apt; `important`: what the installer puts on every machine. */
  readonly variant: 'minbase' | 'important';
  readonly packages: readonly string[];
  /** dpkg(1)'s options, e.g. `path-exclude=/usr/share/man/*`. */
  readonly dpkgOptions: readonly string[];
  /**
   * What verifies every package: a folder with the keys that sign the suite, as armoured `.asc` files, where what the machine trusts
   * may be too old or absent; or a keyring of the machine.
   */
  readonly trust: { readonly keys: string } | { readonly keyring: string };
  /** Lines of a sources.list(5), which stay in the result. */
  readonly sources: readonly string[];
  /** Commands for sh(1) that are run when all is installed; `"$1"` is the root. */
  readonly finish?: readonly string[];
  /** The tar to make. */
  readonly target: string;
}

/** dpkg(1)'s options that leave out documentation and translations: they would be a quarter of the nodes' image. */
export const withoutDocumentation = ['doc', 'man', 'locale'].map((folder) => `path-exclude=/usr/share/${folder}/*`);

/**
 * For what apt's methods read as the user _apt, to whom home folders are closed. Not TMPDIR: that may be a folder of this user's alone
 * (pam_tmpdir(8)), and keys that cannot be read are reported as keys that are not there.
 */
const READABLE = '/tmp';

/**
 * Assembles a Debian root file system, whatever distribution this is: from the sources given, or without any from the mirrors that
 * mmdebstrap knows. It goes through the proxies of the environment and those that the machine's apt is set to, of which mmdebstrap's
 * own apt reads nothing; none of that stays in the result.
 * @throws CommandError with a hint that fits what apt printed, else with the one given
 */
export async function bootstrapDebian(
  ctx: AptContext,
  { suite, variant, packages, dpkgOptions, trust, sources, finish = [], target }: Bootstrap,
  options: Failing,
): Promise<void> {
  const folder = await mkdtemp(path.join(READABLE, 'kind-checkpoint-bootstrap-'));
  try {
    if ('keys' in trust) await copyKeys(trust.keys, folder);
    const settings = path.join(folder, 'settings');
    // It may hold the password of a proxy.
    await writeFile(settings, (await readReachSettings(ctx)).map((line) => `${line}\n`).join(''), { mode: 0o600 });
    const [program, args] = asRoot('env', [
      'LC_ALL=C',
      ...proxyWords(ctx.env),
      'mmdebstrap',
      `--variant=${variant}`,
      '--format=tar',
      ...dpkgOptions.map((option) => `--dpkgopt=${option}`),
      `--include=${packages.join(',')}`,
      `--keyring=${'keys' in trust ? folder : trust.keyring}`,
      ...('keys' in trust ? [NO_OTHER_KEY] : []),
      ...finish.map((command) => `--customize-hook=${command}`),
      ...whileAtWork(settings),
      suite,
      target,
      ...sources,
    ]);
    await run(ctx, program, args, options);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Takes away the keys that mmdebstrap would choose by itself. */
const NO_OTHER_KEY = `--setup-hook=for f in "$1"/etc/apt/sources.list "$1"/etc/apt/sources.list.d/*; do [ ! -f "$f" ] || sed -i -e 's/\\[signed-by=[^]]*\\] *//' -e '/^Signed-By:/d' "$f"; done`;

/** For the time of the work only: how mirrors are reached. */
function whileAtWork(settings: string): string[] {
  const inside = '"$1"/etc/apt/apt.conf.d/00kind-checkpoint';
  return [`--setup-hook=mkdir -p "$1"/etc/apt/apt.conf.d && cp ${shWord(settings)} ${inside}`, `--customize-hook=rm -f ${inside}`];
}

async function copyKeys(keys: string, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await chmod(folder, 0o755);
  for (const name of (await readdir(keys)).filter((entry) => entry.endsWith('.asc'))) {
    await copyFile(path.join(keys, name), path.join(folder, name));
    await chmod(path.join(folder, name), 0o644);
  }
}

type Failing = Pick<RunOptions, 'onEachLine' | 'failure' | 'hint'>;

async function run(ctx: AptContext, program: string, args: readonly string[], options: Failing): Promise<void> {
  try {
    await ctx.runner.run(program, args, options);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    const hint = await aptHintFor(ctx, error.output);
    if (hint === undefined) throw error;
    throw new CommandError(error.command, error.commandExitCode, error.output, { message: error.message, hint, log: error.log });
  }
}
