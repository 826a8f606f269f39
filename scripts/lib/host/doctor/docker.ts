import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Context } from '../../core/context.js';
import { refusal } from '../docker-engine.js';
import { type Check, fail, forRoot, pass, skip, warn } from './check.js';
import { engine } from './engine.js';
import { exitProgram, tarOf } from './exit-program.js';

/** Why the others are not asked where the first check tells that there is no engine. */
const ASLEEP = 'no engine answers';

const HUNG =
  'see whether docker info answers; else restart the engine, which stops containers without a restart policy: systemctl restart docker';

const docker: Check = {
  id: 'docker',
  title: 'Docker',
  quick: true,
  async look(on) {
    const facts = await engine(on);
    if (facts.hangs) return warn('docker was asked and does not come to an end: the engine hangs, or the machine is very busy', HUNG);
    const refused = refusal(facts);
    if (refused !== undefined) return fail([refused.message, ...refused.details].join('; '), refused.hint);
    if (facts.answers) return pass(`engine ${facts.version}, client ${facts.client}`);
    if (facts.denied && on.machine.login === undefined)
      return fail(
        `${on.machine.user} may not talk to the engine, and has no login that could join the group docker`,
        'run as root, or as a user with an entry in /etc/passwd',
      );
    if (facts.denied)
      return warn(
        `${on.machine.user} may not talk to the engine: set-up adds them to the group docker`,
        `sudo usermod -aG docker ${on.machine.user}   (holds from the next login on)`,
      );
    const apt = (await on.machine.ownership('/usr/bin/apt-get')) !== undefined;
    if (facts.client !== undefined) return warn('no engine answers: set-up starts it, or installs one', 'npm run setup');
    return apt
      ? warn('not installed: set-up installs what apt offers', 'npm run setup')
      : fail('not installed, and there is no apt-get to install it with', 'install Docker 23 or newer');
  },
};

const storage: Check = {
  id: 'docker-storage',
  title: 'Docker’s storage',
  quick: false,
  async look(on) {
    const { answers, hangs, storageDriver = 'unknown', containerdImageStore } = await engine(on);
    if (!answers || hangs) return skip(ASLEEP);
    const seen = `${storageDriver}, images in ${containerdImageStore ? 'the containerd store' : 'Docker’s own store'}`;
    // vfs copies every layer whole (https://docs.docker.com/engine/storage/drivers/vfs-driver/).
    return /^(vfs|native)$/.test(storageDriver)
      ? warn(
          `${seen}: every layer of every image and container is a whole copy`,
          'put Docker’s data on a disk of its own (ext4 or xfs), where overlay2 works',
        )
      : pass(seen);
  },
};

const buildx: Check = {
  id: 'docker-buildx',
  title: 'Docker’s builder',
  quick: false,
  async look(on) {
    const facts = await engine(on);
    if (facts.hangs) return skip(ASLEEP);
    if (facts.client === undefined) return skip('there is no docker');
    return facts.buildx === undefined
      ? warn('docker finds no buildx, with which images are built', forRoot(on.machine, 'apt-get', 'install', 'docker-buildx'))
      : pass(`buildx ${facts.buildx}`);
  },
};

/** Starts a privileged container from an image of one file that does nothing: needs no registry, leaves nothing. */
const privileged: Check = {
  id: 'docker-privileged',
  title: 'privileged containers',
  quick: false,
  async look(on) {
    const { answers, hangs, kind } = await engine(on);
    if (!answers || hangs || kind !== 'engine') return skip(ASLEEP);
    const image = `kind-checkpoint-doctor:${process.pid}`;
    const folder = await mkdtemp(path.join(tmpdir(), 'kind-checkpoint-doctor-'));
    try {
      const tar = path.join(folder, 'image.tar');
      await writeFile(tar, tarOf('exit', exitProgram()));
      await on.runner.run('docker', ['import', tar, image]);
      const run = ['run', '--rm', '--privileged', '--network=none', '--label=kind-checkpoint.doctor', image, '/exit'];
      const { stderr, exitCode } = await on.runner.run('docker', run, { accept: true });
      if (exitCode === 0) return pass('start');
      return fail(
        `do not start: ${stderr.trim().split('\n')[0] || `exit code ${exitCode}`}`,
        'update Docker; in a container, start that one with --privileged',
      );
    } finally {
      await removeImage(on.cleanupRunner, image);
      await rm(folder, { recursive: true, force: true });
    }
  },
};

async function removeImage(runner: Context['runner'], image: string): Promise<void> {
  await runner.run('docker', ['image', 'rm', '--force', image], { accept: true }).catch(() => undefined);
}

export const dockerChecks: readonly Check[] = [docker, storage, buildx, privileged];
