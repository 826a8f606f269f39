import type { Context } from '../core/context.js';
import { imageNames } from '../core/options.js';

/** Disk in use, bytes, by what uses it. */
export type DiskUse = Record<string, number>;

/**
 * Measures what the toolkit keeps: its cache, its images, and what Docker's builder keeps (which other builds share).
 * @param nodeImages names of the images that nodes are made of
 */
export async function diskUse(ctx: Context, { base, node }: { readonly base: string; readonly node: string }): Promise<DiskUse> {
  const { stdout } = await ctx.runner.run('du', ['--summarize', '--block-size=1', ctx.paths.cache], { accept: true });
  const { counter, ballast } = imageNames(ctx.options);
  const image = async (reference: string): Promise<number> => {
    const { stdout: size, exitCode } = await ctx.runner.run('docker', ['image', 'inspect', '--format', '{{.Size}}', reference], {
      accept: true,
    });
    return exitCode === 0 ? Number(size) : 0;
  };
  // The node image stands on the base image: Docker keeps what they share once.
  const stacked = Math.max(await image(base), await image(node));
  const { stdout: builder } = await ctx.runner.run(
    'docker',
    ['system', 'df', '--format', '{{if eq .Type "Build Cache"}}{{.Size}}{{end}}'],
    { accept: true },
  );
  return {
    cache: Number(stdout.split('\t')[0] ?? 0),
    images: stacked + (await image(counter)) + (await image(ballast)),
    'build cache of Docker': parseSize(builder.trim()),
  };
}

/** Bytes out of Docker's decimal sizes, e.g. "1.2GB". */
export function parseSize(text: string): number {
  const found = /^([\d.]+)\s*([kMGT]?)B$/.exec(text);
  if (found === null) return 0;
  return Number(found[1]) * 1000 ** ['', 'k', 'M', 'G', 'T'].indexOf(found[2] ?? '');
}
