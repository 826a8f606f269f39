import { rm } from 'node:fs/promises';
import path from 'node:path';
import type { Context } from '../core/context.js';
import { ToolkitError } from '../core/errors.js';
import { writeAtomically } from '../core/files.js';
import { hasProgram } from '../core/runner.js';
import { thisUser, type User } from '../core/user.js';
import { hasApt, installPackages } from './apt.js';
import { readEngineFacts } from './docker-engine.js';

/**
 * Lets a user without access to the engine's socket use it: joins the docker group, which holds from the next login on, and until
 * then has every docker command, kind's too, run with that group by a script that stands first on the run's PATH.
 * @throws ToolkitError when there is no sudo, or it does not help
 */
export async function gainAccess(ctx: Context, { login }: Pick<User, 'login'> = thisUser()): Promise<void> {
  // Who has no login is in no group either.
  if (login === undefined || !(await hasProgram(ctx.runner, 'sudo'))) throw noAccess();
  ctx.say(`adds ${login} to the docker group, whose members may act as root through Docker`);
  await ctx.runner.run('sudo', ['--', 'usermod', '--append', '--groups', 'docker', login], {
    failure: `${login} could not be added to the docker group`,
  });
  // Debian from 14 on has sg in a package of its own, which is not installed everywhere.
  if (!(await hasProgram(ctx.runner, 'sg')) && (await hasApt(ctx.runner))) await installPackages(ctx, ['util-linux-extra']);
  const wrapper = path.join(ctx.paths.bin, 'docker');
  await rm(wrapper, { force: true });
  const { stdout: docker } = await ctx.runner.run('sh', ['-c', 'command -v docker']);
  await writeAtomically(wrapper, wrapperScript(docker), 0o755);
  if (!(await readEngineFacts(ctx)).answers) {
    await rm(wrapper, { force: true });
    throw noAccess();
  }
}

/** A script that runs a program with the docker group; sg(1) hands its words to sh, which knows single quotes only. */
export function wrapperScript(program: string): string {
  return [
    '#!/bin/bash',
    '# The login that made this was older than its membership in the docker group. Later ones have it.',
    `case " $(id -nG) " in *" docker "*) exec '${program}' "$@" ;; esac`,
    `line="exec '${program}'"`,
    `for word in "$@"; do line+=" '\${word//\\'/\\'\\\\\\'\\'}'"; done`,
    'exec sg docker -c "$line"',
    '',
  ].join('\n');
}

function noAccess(): ToolkitError {
  return new ToolkitError('this user may not talk to the Docker engine', {
    details: ['permission denied on the engine’s socket'],
    hint: 'Join the docker group (as root: usermod -aG docker NAME), log in anew, and run the same command again.',
  });
}
