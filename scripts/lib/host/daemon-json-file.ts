import { readFile } from 'node:fs/promises';
import type { Context } from '../core/context.js';
import type { RunOptions } from '../core/runner.js';
import { asRoot } from '../core/sudo.js';

/** The file may hold passwords (of proxies): nothing of it goes into a log or onto the screen. */
const UNSEEN = { log: undefined, onLine: undefined } satisfies RunOptions;

/** Reads a file as this user. */
export type ReadText = (file: string) => Promise<string>;

/**
 * The text of a daemon.json, read as root where that is needed; undefined when there is none.
 * @throws CommandError when it is closed to this user, and it cannot become root
 */
export async function readDaemonJson(
  ctx: Pick<Context, 'runner'>,
  file: string,
  read: ReadText = (name) => readFile(name, 'utf8'),
): Promise<string | undefined> {
  try {
    return await read(file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    if (code !== 'EACCES') throw error;
  }
  const [program, args] = asRoot('sh', ['-c', 'if [ -e "$1" ]; then cat "$1" && echo .; fi', 'sh', file]);
  const { stdout } = await ctx.runner.run(program, args, { ...UNSEEN, failure: `${file} cannot be read` });
  // Whoever runs commands takes the last newline away; the point after it keeps it.
  return stdout === '' ? undefined : stdout.replace(/\.$/, '');
}

/**
 * $1 the file, $2 the engine's program, the others what it was started with; standard input: the new text.
 * The copy takes over mode, owner and attributes, and a symbolic link keeps pointing to what it pointed to.
 */
const WRITE = `set -eu
file=$(readlink -m -- "$1")
named=$1 dockerd=$2
shift 2
new=$file.kind-checkpoint-new
trap 'rm -f -- "$new"' EXIT
umask 022
mkdir -p -- "$(dirname -- "$file")"
: > "$new"
if [ -e "$file" ]; then
  cp --preserve=all --backup=numbered -- "$file" "$named.before-kind-checkpoint"
  cp --preserve=all -- "$file" "$new"
fi
cat > "$new"
"$dockerd" "$@" --validate --config-file "$new" >&2
mv -f -- "$new" "$file"`;

/**
 * Exchanges the text of a daemon.json at one stroke, once the engine has found it valid together with what it was started with
 * (dockerd(8), --validate): an engine that does not start again would be worse than none that checkpoints. The file as it was stays
 * beside it, as `….before-kind-checkpoint`.
 * @param engine the engine's program, and what the running one was started with
 * @throws CommandError when the engine would not start with it; the file is then left as it was
 */
export async function writeDaemonJson(
  ctx: Pick<Context, 'runner'>,
  file: string,
  text: string,
  engine: { readonly program: string; readonly args: readonly string[] },
): Promise<void> {
  const [program, args] = asRoot('sh', ['-c', WRITE, 'sh', file, engine.program, ...engine.args]);
  await ctx.runner.run(program, args, {
    ...UNSEEN,
    input: text,
    failure: `the engine would not start with "experimental" in ${file}`,
    hint: 'It is left as it is. Mend what is named above, then run the same command again.',
  });
}

/** Puts back what {@link writeDaemonJson} found; without a file before, takes its own away. */
export async function restoreDaemonJson(ctx: Pick<Context, 'runner'>, file: string, before: string | undefined): Promise<void> {
  const script =
    before === undefined ? 'rm -f -- "$1"' : 'file=$(readlink -m -- "$1") && cp --preserve=all -- "$1.before-kind-checkpoint" "$file"';
  const [program, args] = asRoot('sh', ['-c', script, 'sh', file]);
  await ctx.runner.run(program, args, { failure: `${file} could not be put back` });
}
