import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import YAML from 'yaml';
import * as z from 'zod';
import type { Context } from '../core/context.js';
import { messageOf, ToolkitError, UsageError } from '../core/errors.js';
import { readIfThere, replace } from '../core/files.js';
import { sha256OfFile } from '../core/hash.js';
import { fetchDebianSource } from '../host/apt-sources.js';
import { contentLength, followFile } from './follow-file.js';
import type { Tell } from './go-progress.js';

const sha = z.string().regex(/^[0-9a-f]{64}$/, 'not a SHA-256');
const gitObject = z.string().regex(/^[0-9a-f]{40}$/, 'not a git object');

const sourceSchema = z.union([
  // `arch` as Node names it; where it is absent the archive fits all.
  z.strictObject({ archive: z.url(), sha256: sha.optional(), arch: z.enum(['x64', 'arm64']).optional() }),
  z.strictObject({ git: z.string(), commit: gitObject }),
  // A tag can be moved: the tree is what verifies it.
  z.strictObject({ git: z.string(), tag: z.string().regex(/^[\w.-]+$/, 'not a tag') }),
  // A zip of the Go module proxy that the user has set (https://go.dev/ref/mod#goproxy-protocol).
  z.strictObject({ module: z.string(), version: z.string(), sha256: sha, arch: z.enum(['x64', 'arm64']).optional() }),
  z.strictObject({ debian: z.string(), version: z.string(), suite: z.string(), file: z.string(), sha256: sha }),
]);

const sourcesSchema = z
  .strictObject({ version: z.string(), tree: gitObject.optional(), sources: z.array(sourceSchema).min(1) })
  .refine(
    ({ tree, sources }) => tree !== undefined || sources.every((source) => 'sha256' in source && source.sha256 !== undefined),
    'each source needs a sha256 where there is no tree',
  );

/** Whoever fetches something large may be told how far it is. */
type MayTell = Context & { readonly progress?: Tell };

/** One place that a thing can be had from. */
export type Source = z.infer<typeof sourceSchema>;

/** Something not in Go: its version, what verifies it, and where to look, in order. */
export type Sources = z.infer<typeof sourcesSchema> & { readonly file: string };

/** Reads a source file. @throws UsageError that names the place that is wrong */
export async function readSources(file: string): Promise<Sources> {
  const parsed = sourcesSchema.safeParse(YAML.parse(await readFile(file, 'utf8')));
  if (!parsed.success) {
    const issues = parsed.error.issues.flatMap((issue) => (issue.code === 'invalid_union' ? closest(issue) : [issue]));
    throw new UsageError(`${file} is not a source file`, { details: z.prettifyError({ issues }).split('\n') });
  }
  return { ...parsed.data, file };
}

/** What is wrong with a source, taken for the sort of source that it is closest to: that it is none at all would help nobody. */
function closest({ errors, path: above }: z.core.$ZodIssueInvalidUnion): z.core.$ZodIssue[] {
  const [fewest = []] = errors.toSorted((a, b) => a.length - b.length);
  return fewest.map((issue) => ({ ...issue, path: [...above, ...issue.path] }));
}

/**
 * Fetches a single verified file from the first source that answers.
 * @returns its path among the downloads
 * @throws ToolkitError with what each source answered
 */
export function fetchFile(ctx: MayTell, sources: Sources): Promise<string> {
  return firstThatAnswers(ctx, sources, (source) => {
    if ('git' in source) throw new ToolkitError('a git source is no single file');
    return download(ctx, source);
  });
}

/**
 * Fetches a source tree from the first source that answers, and verifies it: the archive by its SHA-256, the tree by its git tree
 * object, which is the same whether it came as an archive or from git.
 * @param target folder to make
 * @throws ToolkitError with what each source answered
 */
export function fetchTree(ctx: MayTell, sources: Sources, target: string): Promise<void> {
  return firstThatAnswers(ctx, sources, (source) =>
    replace(target, async (temporary) => {
      await mkdir(temporary, { recursive: true });
      if ('git' in source) await fetchCommit(ctx, source, temporary);
      else await unpack(ctx, source, temporary);
      if (sources.tree !== undefined) {
        const found = await gitTree(ctx, temporary);
        if (found !== sources.tree) throw new ToolkitError(`the git tree is ${found}, not the pinned ${sources.tree}`);
      }
    }),
  );
}

async function unpack(ctx: MayTell, source: Exclude<Source, { git: string }>, target: string): Promise<void> {
  const archive = await download(ctx, source);
  try {
    await ctx.runner.run('tar', ['-xf', archive, '--strip-components=1', '-C', target]);
  } finally {
    // Without a checksum it is found by no name again.
    if (source.sha256 === undefined) await rm(archive);
  }
}

async function firstThatAnswers<T>(ctx: Context, sources: Sources, attempt: (source: Source) => Promise<T>): Promise<T> {
  const answers: string[] = [];
  // What has been downloaded already comes first: it needs no network.
  const kept = (source: Source): boolean =>
    'sha256' in source && source.sha256 !== undefined && existsSync(path.join(ctx.paths.downloads, source.sha256));
  for (const source of [...sources.sources].sort((a, b) => Number(kept(b)) - Number(kept(a)))) {
    if ('arch' in source && source.arch !== undefined && source.arch !== process.arch) continue;
    try {
      return await attempt(source);
    } catch (error) {
      ctx.signal.throwIfAborted();
      const details = error instanceof ToolkitError ? error.details.slice(-1) : [];
      answers.push(`${nameOf(source)}: ${[messageOf(error), ...details].join(': ')}`);
    }
  }
  throw new ToolkitError(`no source of ${path.relative(process.cwd(), sources.file)} could be used`, {
    details: answers,
    hint: `Check the network, or put the file into the downloads folder of the cache under the name of its SHA-256.`,
  });
}

function nameOf(source: Source): string {
  if ('git' in source) return source.git;
  if ('module' in source) return `Go module ${source.module} ${source.version}`;
  return 'archive' in source ? source.archive : `Debian source package ${source.debian} ${source.version}`;
}

/** The git tree object of a folder: a hash over names, modes and content of all its files (git-write-tree(1)). */
export async function gitTree(ctx: Context, folder: string): Promise<string> {
  const repository = `${folder}.git`;
  const git = (...args: string[]): Promise<{ stdout: string }> =>
    ctx.runner.run('git', ['--git-dir', repository, '--work-tree', folder, '-c', 'core.autocrlf=false', ...args], { cwd: folder });
  try {
    await git('init', '--quiet');
    await git('add', '--all', '--force', '.');
    return (await git('write-tree')).stdout;
  } finally {
    await rm(repository, { recursive: true, force: true });
  }
}

async function fetchCommit(ctx: Context, source: Extract<Source, { git: string }>, target: string): Promise<void> {
  const wanted = 'commit' in source ? source.commit : `refs/tags/${source.tag}`;
  const git = (...args: string[]): Promise<unknown> =>
    // As curl does below: a server that goes silent is given up after 30 seconds (git-config(1), http.lowSpeedLimit).
    ctx.runner.run('git', ['-C', target, ...args], {
      env: { GIT_TERMINAL_PROMPT: '0', GIT_HTTP_LOW_SPEED_LIMIT: '1024', GIT_HTTP_LOW_SPEED_TIME: '30' },
    });
  await git('init', '--quiet');
  await git('fetch', '--quiet', '--depth=1', source.git, wanted);
  await git('checkout', '--quiet', 'FETCH_HEAD');
  await rm(path.join(target, '.git'), { recursive: true });
}

/** Fetches one archive into the downloads, unless it is there. What does not match its checksum is not kept. */
async function download(ctx: MayTell, source: Exclude<Source, { git: string }>): Promise<string> {
  const known = source.sha256 === undefined ? undefined : path.join(ctx.paths.downloads, source.sha256);
  if (known !== undefined && existsSync(known) && (await sha256OfFile(known)) === source.sha256) return known;

  const name = 'archive' in source ? source.archive : 'module' in source ? source.version : source.file;
  const folder = path.join(ctx.paths.tmp, `download-${path.basename(name)}`);
  await mkdir(folder, { recursive: true });
  try {
    const fetched =
      'archive' in source
        ? await fetchUrl(ctx, source.archive, folder)
        : 'module' in source
          ? await fetchModule(ctx, source, folder)
          : await fetchDebianSource(ctx, source, folder);
    const found = await sha256OfFile(fetched);
    if (source.sha256 !== undefined && found !== source.sha256)
      throw new ToolkitError(`SHA-256 is ${found}, not the pinned ${source.sha256}`);
    const kept = path.join(ctx.paths.downloads, found);
    await mkdir(ctx.paths.downloads, { recursive: true });
    await rename(fetched, kept);
    return kept;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Fetches the zip of a module from the first proxy of GOPROXY that has it. Go itself may not be there yet to ask. */
async function fetchModule(ctx: MayTell, { module, version }: { module: string; version: string }, folder: string): Promise<string> {
  const proxies = (ctx.env['GOPROXY'] ?? '').split(/[,|]/).filter((entry) => /^(?:https?|file):\/\//.test(entry));
  const failures: unknown[] = [];
  for (const proxy of proxies) {
    try {
      return await fetchUrl(ctx, `${proxy.replace(/\/$/, '')}/${module}/@v/${version}.zip`, folder);
    } catch (error) {
      ctx.signal.throwIfAborted();
      failures.push(error);
    }
  }
  throw failures[0] ?? new ToolkitError('GOPROXY names no proxy', { details: ['set it in the environment to have it asked'] });
}

async function fetchUrl(ctx: MayTell, url: string, folder: string): Promise<string> {
  const target = path.join(folder, 'archive');
  const headers = path.join(folder, 'headers');
  const total = async (): Promise<number | undefined> => contentLength((await readIfThere(headers)) ?? '');
  // curl honours the proxy settings of the machine.
  await followFile(ctx, target, total, () =>
    ctx.runner.run(
      'curl',
      [
        '--fail',
        '--silent',
        '--show-error',
        '--location',
        '--speed-limit',
        '1024',
        '--speed-time',
        '30',
        '--retry',
        '2',
        '--connect-timeout',
        '20',
        '--dump-header',
        headers,
        '--output',
        target,
        url,
      ],
      { failure: 'download failed' },
    ),
  );
  return target;
}
