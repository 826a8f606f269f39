import { devNull } from 'node:os';
import type { Context } from './context.js';
import type { RunOptions } from './runner.js';

/** Who commits in the trees of the forks, so that the same patches give the same commits everywhere. */
const IDENTITY = { name: 'kind-checkpoint developers', email: 'developers@kind-checkpoint.invalid' };

/** Environment for git that the user's own configuration does not change. */
const ENVIRONMENT: Readonly<Record<string, string>> = {
  GIT_CONFIG_GLOBAL: devNull,
  GIT_CONFIG_SYSTEM: devNull,
  GIT_AUTHOR_NAME: IDENTITY.name,
  GIT_AUTHOR_EMAIL: IDENTITY.email,
  GIT_COMMITTER_NAME: IDENTITY.name,
  GIT_COMMITTER_EMAIL: IDENTITY.email,
};

/** Runs git in a folder, away from the user's configuration. @returns standard output */
export async function git(ctx: Pick<Context, 'runner'>, cwd: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const { stdout } = await ctx.runner.run('git', args, { cwd, ...options, env: { ...ENVIRONMENT, ...options.env } });
  return stdout;
}
