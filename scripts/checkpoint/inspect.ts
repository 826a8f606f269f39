import { mkdir, mkdtemp, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import * as tar from 'tar';
import * as z from 'zod';
import type { Context } from '../lib/core/context.js';
import { CommandError, messageOf, ToolkitError } from '../lib/core/errors.js';
import { type ArchiveContent, readArchive } from './archive.js';

/** A process of the checkpoint, with its children. */
export interface ProcessNode {
  readonly pid: number;
  readonly command: string;
  readonly cmdline?: string | undefined;
  readonly children?: readonly ProcessNode[] | undefined;
}

const processSchema: z.ZodType<ProcessNode> = z.object({
  pid: z.number(),
  command: z.string(),
  cmdline: z.string().optional(),
  children: z.lazy(() => z.array(processSchema)).optional(),
});

const socketSchema = z.object({
  protocol: z.string().optional(),
  data: z
    .object({
      type: z.string().optional(),
      address: z.string().optional(),
      state: z.string().optional(),
      src: z.string().optional(),
      src_port: z.number().optional(),
      dst: z.string().optional(),
      dst_port: z.number().optional(),
    })
    .default({}),
});

/** CRIU's statistics: times in microseconds. */
const statisticsSchema = z.object({
  freezing_time: z.number().default(0),
  frozen_time: z.number().default(0),
  memdump_time: z.number().default(0),
  memwrite_time: z.number().default(0),
  pages_scanned: z.number().default(0),
  pages_written: z.number().default(0),
});

/** What checkpointctl prints about one archive. */
const shownSchema = z.object({
  image: z.string(),
  runtime: z.string(),
  engine: z.string(),
  created: z.string(),
  checkpointed: z.string().optional(),
  checkpoint_size: z.object({ total_size: z.number().default(0), memory_pages_size: z.number().default(0) }),
  process_tree: processSchema.optional(),
  mounts: z.array(z.object({ destination: z.string(), type: z.string(), source: z.string() })).nullish(),
  sockets: z.array(z.object({ pid: z.number(), open_sockets: z.array(socketSchema).nullish() })).nullish(),
  statistics: statisticsSchema.optional(),
});
type Shown = z.infer<typeof shownSchema>;

/** A file that differs from the image. */
export interface ChangedFile {
  readonly path: string;
  /** `changed` covers what is new: the archive does not tell them apart. */
  readonly change: 'changed' | 'deleted' | 'emptied';
  readonly type: string;
  readonly bytes: number;
}

/** An open socket. */
export interface OpenSocket {
  readonly pid: number;
  readonly protocol: string;
  readonly state: string;
  readonly source: string;
  readonly destination: string;
}

/** What is to be seen in an archive. */
export interface Inspection {
  readonly file: string;
  readonly bytes: number;
  readonly content: ArchiveContent;
  readonly shown: Shown;
  readonly sockets: readonly OpenSocket[];
  readonly changedFiles: readonly ChangedFile[];
  /** What could not be shown, and why. */
  readonly gaps: readonly string[];
}

/** What checkpointctl is asked for, one by one when it does not manage all of it. */
const PARTS = {
  processes: '--ps-tree-cmd',
  mounts: '--mounts',
  sockets: '--sockets',
  statistics: '--stats',
} as const;
type Part = keyof typeof PARTS;

/**
 * Looks into an archive with checkpointctl. The program unpacks memory on the way: into a folder of its own that is removed,
 * whatever happens.
 * @param program path of checkpointctl
 */
export async function inspectArchive(ctx: Context, program: string, file: string): Promise<Inspection> {
  const content = await readArchive(file);
  const escaping = content.files.find((name) => path.posix.isAbsolute(name) || name.split('/').includes('..'));
  if (escaping !== undefined)
    throw new ToolkitError('the archive holds a file that would be unpacked elsewhere', { details: [file, escaping] });
  const wanted = (Object.keys(PARTS) as Part[]).filter((part) => part !== 'statistics' || content.files.includes('stats-dump'));
  const { shown, gaps } = await ask(ctx, program, file, wanted);
  const mountPoints = new Set((shown.mounts ?? []).map(({ destination }) => destination));
  return {
    file,
    bytes: (await stat(file)).size,
    content,
    shown,
    sockets: readSockets(shown),
    changedFiles: (await changedFiles(file)).filter((changed) => !mountPoints.has(changed.path)),
    gaps,
  };
}

async function ask(ctx: Context, program: string, file: string, parts: readonly Part[]): Promise<{ shown: Shown; gaps: string[] }> {
  try {
    return { shown: await show(ctx, program, file, parts), gaps: [] };
  } catch (error) {
    if (!(error instanceof CommandError) || parts.length === 0) throw error;
  }
  let shown = await show(ctx, program, file, []);
  const gaps: string[] = [];
  for (const part of parts) {
    try {
      shown = { ...shown, ...(await show(ctx, program, file, [part])) };
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      gaps.push(`${part}: ${error.output.trim().split('\n').at(-1) ?? messageOf(error)}`);
    }
  }
  return { shown, gaps };
}

async function show(ctx: Context, program: string, file: string, parts: readonly Part[]): Promise<Shown> {
  await mkdir(ctx.paths.archives, { recursive: true, mode: 0o700 });
  const scratch = await mkdtemp(`${path.join(ctx.paths.archives, 'inspect')}-`);
  try {
    const { stdout } = await ctx.runner.run(program, ['inspect', '--format', 'json', ...parts.map((part) => PARTS[part]), file], {
      env: { TMPDIR: scratch },
      failure: 'checkpointctl does not understand this archive',
    });
    return z.tuple([shownSchema]).parse(JSON.parse(stdout))[0];
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** An address with its port; nothing for the other end of a socket that has none. */
function endpoint(address: string | undefined, port: number | undefined): string {
  const host = address?.includes(':') ? `[${address}]` : (address ?? '');
  if (port !== undefined) return `${host}:${port}`;
  return /^(\[::\]|0\.0\.0\.0)$/.test(host) ? '' : host;
}

function readSockets({ sockets }: Shown): OpenSocket[] {
  return (sockets ?? []).flatMap(({ pid, open_sockets }) =>
    (open_sockets ?? []).map(({ protocol, data }) => ({
      pid,
      protocol: protocol || data.type || '',
      state: data.state ?? '',
      // Abstract names begin with a zero byte, which tools write as @; those of files end with one.
      source: data.address?.replace(/^\0/, '@').replace(/\0+$/, '') ?? endpoint(data.src, data.src_port),
      destination: endpoint(data.dst, data.dst_port),
    })),
  );
}

/** The files of rootfs-diff.tar, and those that the runtime notes as deleted: by white-outs, or in deleted.files (CRI-O, Podman). */
export async function changedFiles(file: string): Promise<ChangedFile[]> {
  const found: ChangedFile[] = [];
  const deleted: Buffer[] = [];
  const inner: Array<Promise<void>> = [];
  await tar.list({
    file,
    onReadEntry(entry) {
      const name = entry.path.replace(/^\.\//, '');
      if (name === 'deleted.files') entry.on('data', (chunk: Buffer) => deleted.push(chunk));
      if (name !== 'rootfs-diff.tar') return;
      inner.push(readDiff(entry, found));
    },
  });
  await Promise.all(inner);
  const noted = z.array(z.string()).safeParse(deleted.length === 0 ? [] : JSON.parse(Buffer.concat(deleted).toString('utf8')));
  for (const name of noted.data ?? []) found.push({ path: path.posix.join('/', name), change: 'deleted', type: '', bytes: 0 });
  // Folders above a changed file are in the archive for their modes.
  return found
    .filter((one) => one.change !== 'changed' || one.type !== 'Directory' || !found.some((other) => other.path.startsWith(`${one.path}/`)))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** The archive in the archive, compressed or not. */
async function readDiff(entry: tar.ReadEntry, found: ChangedFile[]): Promise<void> {
  const parser = new tar.Parser({
    onReadEntry(one) {
      found.push(changedFile(one.path, one.type, one.size));
      one.resume();
    },
  });
  const done = new Promise<void>((resolve, reject) => {
    parser.on('end', () => resolve());
    parser.on('error', reject);
  });
  entry.on('data', (chunk: Buffer) => parser.write(chunk));
  entry.on('end', () => parser.end());
  await done;
}

function changedFile(name: string, type: string, bytes: number): ChangedFile {
  const full = path.posix.join('/', name).replace(/(.)\/$/, '$1');
  const base = path.posix.basename(full);
  const folder = path.posix.dirname(full);
  if (base === '.wh..wh..opq') return { path: folder, change: 'emptied', type: 'Directory', bytes: 0 };
  if (base.startsWith('.wh.')) return { path: path.posix.join(folder, base.slice(4)), change: 'deleted', type: '', bytes: 0 };
  return { path: full, change: 'changed', type, bytes };
}
