import type { Context } from './context.js';

/**
 * Packs files into a tar archive whose bytes depend on their names, content and executable bits alone: not on who built them, nor when.
 * @param members in this order; folders are packed whole, sorted by name
 * @param compress a program for GNU tar's --use-compress-program, e.g. `gzip -1`
 */
export async function packTar(
  ctx: Pick<Context, 'runner'>,
  target: string,
  folder: string,
  members: readonly string[],
  compress?: string,
): Promise<void> {
  const same = ['--sort=name', '--owner=0', '--group=0', '--numeric-owner', '--mtime=@0', '--mode=u+rw,go+r,go-w', '--format=gnu'];
  await ctx.runner.run(
    'tar',
    [
      '--create',
      ...same,
      ...(compress === undefined ? [] : ['--use-compress-program', compress]),
      '--file',
      target,
      '--directory',
      folder,
      ...members,
    ],
    {
      failure: 'an archive could not be packed',
    },
  );
}
