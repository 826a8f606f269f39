import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { restartEngine } from '../lib/daemon.js';
import { mergeDaemonJson } from '../lib/daemon-json.js';
import { readIfThere } from '../lib/files.js';
import { asRoot } from '../lib/runner.js';
import { step } from '../lib/step.js';
import { dockerEngine } from './docker-engine.js';

const FILE = '/etc/docker/daemon.json';

/** `docker checkpoint` is an experimental command of the engine, turned on in daemon.json. */
export const dockerExperimental = step({
  id: 'docker-experimental',
  title: 'docker checkpoint turned on',
  seconds: 5,
  uses: ['docker'],
  asRoot: true,
  // Nothing else may use the engine before this: it may be restarted here.
  needs: [dockerEngine],
  async check({ runner }) {
    const { stdout, exitCode } = await runner
      .run('docker', ['version', '--format', '{{.Server.Experimental}}'], { accept: true })
      .catch(() => ({ stdout: '', exitCode: 1 }));
    return exitCode === 0 && stdout === 'true' ? undefined : 'the engine does not say that it is experimental';
  },
  async run(ctx) {
    const merged = mergeDaemonJson(await readDaemonJson(), 'experimental', true, FILE);
    const root = async (file: string, args: string[], input?: string): Promise<void> => {
      const [program, rest] = asRoot(file, args);
      await ctx.runner.run(program, rest, input === undefined ? {} : { input });
    };
    if (merged !== undefined) {
      await root('mkdir', ['-p', '/etc/docker']);
      await root('sh', ['-c', `if [ -e ${FILE} ]; then cp --preserve --backup=numbered ${FILE} ${FILE}.before-kind-checkpoint; fi`]);
      await root('tee', [`${FILE}.tmp`], merged);
      await root('mv', [`${FILE}.tmp`, FILE]);
    }
    ctx.say('the Docker engine is restarted: its containers without a restart policy stop');
    await restartEngine(ctx);
  },
});

async function readDaemonJson(): Promise<string | undefined> {
  await access(FILE, constants.R_OK).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
  return readIfThere(FILE);
}
