import type { Context } from '../lib/core/context.js';
import { ToolkitError } from '../lib/core/errors.js';
import { asRoot } from '../lib/core/sudo.js';
import { step } from '../lib/engine/step.js';
import { hasApt, installPackages, updateLists } from '../lib/host/apt.js';
import { debianMirror, type Mirror } from '../lib/host/apt-sources.js';
import { distribution } from '../lib/host/distribution.js';
import { gainAccess } from '../lib/host/docker-access.js';
import { findDockerd, startEngine } from '../lib/host/docker-daemon.js';
import { type EngineFacts, OLDEST_ENGINE, readEngineFacts, refusal } from '../lib/host/docker-engine.js';
import { choosePackages, distributionPackages, dockerPackages, type Wanted } from '../lib/host/docker-packages.js';

/** The suite with an engine that works, for Debian releases whose own is too old. */
const SUITE = 'trixie';

/** The Docker engine and its builder: what is there is used, what is missing is installed and started. */
export const dockerEngine = step({
  id: 'docker-engine',
  title: 'Docker engine',
  seconds: 35,
  asRoot: true,
  uses: ['apt'],
  // An engine that cannot be had, or not be talked to, is told before anything is built for long.
  early: true,
  async check(ctx) {
    const facts = await readEngineFacts(ctx);
    const refused = refusal(facts);
    if (refused !== undefined) return refused.message;
    if (facts.hangs) return 'it hangs';
    if (facts.denied) return 'this user may not talk to it';
    if (!facts.answers) return facts.client === undefined ? 'there is no program docker' : 'it does not run';
    return facts.buildx === undefined ? 'its builder (buildx) is missing' : undefined;
  },
  run: (ctx) => bringUpEngine(ctx),
});

/** What the engine says. @throws ToolkitError when it does not fit, or comes to no end: it may be one that runs, and is left alone */
async function fitting(ctx: Context): Promise<EngineFacts> {
  const facts = await readEngineFacts(ctx);
  if (facts.hangs)
    throw new ToolkitError('docker was asked and does not come to an end', {
      details: ['the Docker engine hangs, or this machine is very busy'],
      hint: 'See whether docker info answers. Else restart the engine (containers without a restart policy stop), and run the same command again.',
    });
  const refused = refusal(facts);
  if (refused !== undefined) throw refused;
  return facts;
}

/**
 * Installs what is missing, starts the engine, and gains access to it. An engine that runs is neither stopped nor restarted.
 * @param osRelease file that says what distribution this is (os-release(5))
 */
export async function bringUpEngine(ctx: Context, osRelease = '/etc/os-release'): Promise<void> {
  const found = await fitting(ctx);
  const wanted: Wanted = {
    engine: !found.answers && !found.denied && (await findDockerd(ctx)) === undefined,
    client: found.client === undefined,
    buildx: found.buildx === undefined,
  };
  if (wanted.engine || wanted.client || wanted.buildx) await install(ctx, wanted, osRelease);
  let facts = await fitting(ctx);
  if (!facts.answers && !facts.denied) {
    await startEngine(ctx);
    facts = await fitting(ctx);
  }
  if (facts.denied) {
    await gainAccess(ctx);
    facts = await fitting(ctx);
  }
  if (!facts.answers) throw new ToolkitError('the Docker engine does not answer', { details: facts.complaint.split('\n').filter(Boolean) });
}

async function install(ctx: Context, wanted: Wanted, osRelease: string): Promise<void> {
  const missing = wanted.engine ? 'Docker engine' : wanted.client ? 'program docker' : 'builder of Docker (buildx)';
  const byHand = `Install ${wanted.engine ? `Docker ${OLDEST_ENGINE} or newer, with buildx,` : 'it'} by hand, then run the same command again.`;
  if (!(await hasApt(ctx.runner))) throw new ToolkitError(`there is no ${missing}, and no apt-get to install one with`, { hint: byHand });
  await updateLists(ctx);
  let names = choosePackages(await dockerPackages(ctx), wanted);
  const { id, codename } = await distribution(osRelease);
  if (names === undefined && id === 'debian' && codename !== SUITE) {
    await addSuite(ctx, await debianMirror(ctx, osRelease));
    await updateLists(ctx, { again: true });
    names = choosePackages(await dockerPackages(ctx), wanted);
  }
  if (names === undefined)
    throw new ToolkitError(`apt offers no ${missing} that works`, {
      details: [
        wanted.engine ? `Its candidate for docker.io is none, or older than ${OLDEST_ENGINE}.` : 'It knows no package docker-buildx.',
      ],
      hint: `On Ubuntu it is in the updates of the universe component (add-apt-repository universe). Else: ${byHand}`,
    });
  await installPackages(ctx, names);
}

/**
 * Adds Debian 13 at a low priority: only Docker's packages come from it. The priority comes first: a run that is killed in between must
 * not leave a machine that upgrades itself to another release.
 */
export async function addSuite({ runner }: Pick<Context, 'runner'>, { uri, signedBy }: Mirror): Promise<void> {
  const write = async (target: string, content: string): Promise<void> => {
    const [program, args] = asRoot('tee', [target]);
    await runner.run(program, args, { input: content });
  };
  await write(
    `/etc/apt/preferences.d/kind-checkpoint-${SUITE}`,
    `Package: *\nPin: release o=Debian,n=${SUITE}\nPin-Priority: 50\n\nPackage: ${distributionPackages.join(' ')}\nPin: release o=Debian,n=${SUITE}\nPin-Priority: 500\n`,
  );
  await write(
    `/etc/apt/sources.list.d/kind-checkpoint-${SUITE}.sources`,
    `# For the Docker engine only; see the preferences of the same name.\nTypes: deb\nURIs: ${uri}\nSuites: ${SUITE}\nComponents: main\nSigned-By: ${signedBy}\n`,
  );
}
