import { existsSync } from 'node:fs';
import semver from 'semver';
import type { Context } from '../lib/context.js';
import { deniesAccess, engineVersion, startEngine } from '../lib/daemon.js';
import { engineRange } from '../lib/docker.js';
import { gainAccess } from '../lib/docker-access.js';
import { ToolkitError } from '../lib/errors.js';
import { hasApt, installPackages, updateLists } from '../lib/host/apt.js';
import { debianMirror } from '../lib/host/apt-sources.js';
import { distribution } from '../lib/host/distribution.js';
import { asRoot } from '../lib/runner.js';
import { step } from '../lib/step.js';

/** The suite with an engine that works, for Debian releases whose own is too old. */
const SUITE = 'trixie';
const PACKAGES = ['docker.io', 'docker-cli', 'docker-buildx'];

/** True when an engine of this version can do what the toolkit needs. */
export function engineWorks(version: string): boolean {
  const parsed = semver.coerce(version);
  return parsed !== null && semver.satisfies(parsed, engineRange);
}

/** The newest version that apt-cache(8) madison lists and that works; undefined when there is none. */
export function workingCandidate(madison: string): string | undefined {
  return madison
    .split('\n')
    .map((line) => line.split('|')[1]?.trim() ?? '')
    .find((version) => engineWorks(version.replace(/^\d+:/, '')));
}

/** The Docker engine: found, or installed and started. */
export const dockerEngine = step({
  id: 'docker-engine',
  title: 'Docker engine',
  seconds: 35,
  uses: ['apt'],
  asRoot: true,
  async check(ctx) {
    const { version, answer } = await engineVersion(ctx);
    if (version === undefined) return deniesAccess(answer) ? 'this user may not talk to it' : 'it does not run';
    return engineWorks(version) ? undefined : `version ${version} does not work (${engineRange} does)`;
  },
  async run(ctx) {
    if (!existsSync('/usr/sbin/dockerd') && !existsSync('/usr/bin/dockerd')) await install(ctx);
    const version = await reach(ctx);
    if (version === undefined || !engineWorks(version)) throw wrongVersion(version ?? 'of an unknown version');
  },
});

/** Makes the engine run and answer this user. @returns its version */
async function reach(ctx: Context): Promise<string | undefined> {
  const first = await engineVersion(ctx);
  if (first.version === undefined && !deniesAccess(first.answer)) await startEngine(ctx);
  const { version, answer } = await engineVersion(ctx);
  if (version !== undefined || !deniesAccess(answer)) return version;
  await gainAccess(ctx);
  return (await engineVersion(ctx)).version;
}

/** True for engines that ask for every capability there is when a container is privileged. */
function engineIsTooOld(version: string): boolean {
  return semver.lt(semver.coerce(version) ?? '0.0.0', '23.0.0');
}

function wrongVersion(version: string): ToolkitError {
  return new ToolkitError(`Docker ${version} does not work here`, {
    details: [
      engineIsTooOld(version)
        ? 'Engines before 23 ask for every capability there is when a container is privileged, and fail where the host lacks one.'
        : 'Engine 28 and later cannot checkpoint containers (moby/moby#50750).',
    ],
    hint: 'Install Docker 23 to 27; or remove this engine (its images and containers stay), run the same command again, and it installs one that works.',
  });
}

async function install(ctx: Context): Promise<void> {
  if (!(await hasApt(ctx.runner)))
    throw new ToolkitError('there is no Docker engine, and no apt-get to install one with', { hint: 'Install Docker 23 to 27.' });
  await updateLists(ctx);
  const { id, codename } = await distribution();
  const offered = async (): Promise<string | undefined> =>
    workingCandidate((await ctx.runner.run('apt-cache', ['madison', 'docker.io'], { accept: true })).stdout);
  if ((await offered()) === undefined && id === 'debian' && codename !== SUITE) {
    await addSuite(ctx);
    await updateLists(ctx, { again: true });
  }
  const version = await offered();
  if (version === undefined)
    throw new ToolkitError(`apt offers no Docker engine that works (${engineRange})`, {
      hint: 'Install Docker 23 to 27 by hand, then run the same command again.',
    });
  const known = await ctx.runner.run('apt-cache', ['--quiet=0', 'pkgnames', 'docker-'], { accept: true });
  const extra = PACKAGES.filter((name) => name !== 'docker.io' && known.stdout.split('\n').includes(name));
  await installPackages(ctx, [`docker.io=${version}`, ...extra]);
}

/** Adds Debian 13 at a low priority: only the engine's packages come from it. */
async function addSuite(ctx: Context): Promise<void> {
  const { uri, signedBy } = await debianMirror(ctx);
  const write = async (target: string, content: string): Promise<void> => {
    const [program, args] = asRoot('tee', [target]);
    await ctx.runner.run(program, args, { input: content });
  };
  await write(
    `/etc/apt/sources.list.d/kind-checkpoint-${SUITE}.sources`,
    `# For the Docker engine only; see the preferences of the same name.\nTypes: deb\nURIs: ${uri}\nSuites: ${SUITE}\nComponents: main\nSigned-By: ${signedBy}\n`,
  );
  await write(
    `/etc/apt/preferences.d/kind-checkpoint-${SUITE}`,
    `Package: *\nPin: release o=Debian,n=${SUITE}\nPin-Priority: 50\n\nPackage: ${PACKAGES.join(' ')}\nPin: release o=Debian,n=${SUITE}\nPin-Priority: 500\n`,
  );
}
