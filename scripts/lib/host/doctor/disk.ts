import path from 'node:path';
import { type Check, type Finding, fail, forRoot, pass, type Surroundings, warn } from './check.js';
import { engine } from './engine.js';
import type { Room } from './machine.js';

const GB = 1e9;

/** What a set-up from nothing writes, bytes, rounded up; see docs/requirements.md. */
const NEEDED = {
  /** Sources, programs, archives. */
  cache: 2 * GB,
  /** Go's module and build caches. */
  go: 6 * GB,
  /** The same where Kubernetes was built before. */
  goAgain: 2 * GB,
  /** What is left of them when Kubernetes is built. */
  goRest: 1 * GB,
  /** Images, Docker's build cache, the nodes of a cluster. */
  docker: 4 * GB,
};
/** A cluster and its checkpoints need this when everything is built, bytes. */
const NEEDED_LATER = 2 * GB;
/** With this share of what is needed it cannot go well: what is there already is not counted as missing. */
const HOPELESS = 0.6;

/** A folder that fills. */
interface Place {
  readonly what: string;
  readonly folder: string;
  readonly needed: number;
}

const disk: Check = {
  id: 'disk',
  title: 'disk',
  quick: true,
  async look(on) {
    const dockerRoot = await dockerDataRoot(on);
    const made = async (step: string): Promise<boolean> =>
      (await on.machine.ownership(path.join(on.paths.stamps, `${step}.json`))) !== undefined;
    // What a run that was cut off has made already is not written again.
    const kubernetes = await made('kubernetes');
    const places: Place[] = (await made('node-image'))
      ? [
          { what: 'the cache', folder: on.paths.cache, needed: NEEDED_LATER / 2 },
          { what: 'Docker', folder: dockerRoot, needed: NEEDED_LATER },
        ]
      : [
          { what: 'the cache', folder: on.paths.cache, needed: kubernetes ? NEEDED.cache / 2 : NEEDED.cache },
          await goPlace(on, kubernetes),
          { what: 'Docker', folder: dockerRoot, needed: (await made('base-image')) ? NEEDED.docker / 2 : NEEDED.docker },
        ];
    return judgeRoom(await byFileSystem(on, places));
  },
};

/** Where Go builds; its caches are those of the user, and outlive ours. */
async function goPlace({ env, machine }: Surroundings, kubernetesIsBuilt: boolean): Promise<Place> {
  const modules = env['GOMODCACHE'] || path.join(env['GOPATH'] || path.join(machine.home, 'go'), 'pkg', 'mod');
  const before = (await machine.ownership(path.join(modules, 'k8s.io'))) !== undefined;
  const folder = env['GOCACHE'] || path.join(machine.home, '.cache', 'go-build');
  return { what: 'Go', folder, needed: kubernetesIsBuilt ? NEEDED.goRest : before ? NEEDED.goAgain : NEEDED.go };
}

/** A file system with what is going to be written to it. */
export interface FileSystem extends Room {
  readonly places: readonly Place[];
}

async function byFileSystem({ machine }: Surroundings, places: readonly Place[]): Promise<FileSystem[]> {
  const found = new Map<number, FileSystem>();
  for (const place of places) {
    const room = await machine.room(place.folder);
    if (room === undefined) continue;
    const before = found.get(room.device);
    found.set(room.device, { ...room, places: [...(before?.places ?? []), place] });
  }
  return [...found.values()];
}

/** Says whether file systems have room for what is going to be written to them. */
export function judgeRoom(systems: readonly FileSystem[]): Finding {
  if (systems.length === 0) return warn('could not be told: no file system answers');
  const rated = systems.map(({ free, places }) => {
    const needed = places.reduce((sum, place) => sum + place.needed, 0);
    const names = places.map(({ what }) => what).join(', ');
    return { free, needed, text: `${gb(free)} GB free for ${names} (${places[0]?.folder})`, wants: `about ${gb(needed)} GB are needed` };
  });
  const short = rated.filter(({ free, needed }) => free < needed);
  if (short.length === 0) return pass(rated.map(({ text }) => text).join('; '));
  const seen = short.map(({ text, wants }) => `${text}, ${wants}`).join('; ');
  const mend = 'docker system df and docker builder prune show and free what Docker keeps; go clean -cache frees what Go keeps';
  return short.some(({ free, needed }) => free < needed * HOPELESS) ? fail(seen, mend) : warn(seen, mend);
}

function gb(bytes: number): string {
  return (bytes / GB).toFixed(1);
}

/** Where the engine keeps images and containers; by daemon.json where no engine tells. */
async function dockerDataRoot(on: Surroundings): Promise<string> {
  const { dataRoot } = await engine(on);
  if (dataRoot !== undefined) return dataRoot;
  const configured = /"data-root"\s*:\s*"([^"]+)"/.exec((await on.machine.read('/etc/docker/daemon.json')) ?? '')?.[1];
  return configured ?? '/var/lib/docker';
}

/** This user for chown(1), with the login's group where there is a login. */
function ownerWord({ uid, login }: Surroundings['machine']): string {
  return login === undefined ? String(uid) : `${login}:`;
}

/** Folders that a run writes to: what belongs to another user in them stops it half-way. */
const cacheOwner: Check = {
  id: 'cache-owner',
  title: 'cache folder',
  quick: true,
  async look({ paths, machine }) {
    const own = ['bin', 'build', 'src', 'downloads', 'logs', 'stamps', 'archives', 'locks', 'tmp', 'go'].map((name) =>
      path.join(paths.cache, name),
    );
    const foreign: string[] = [];
    for (const folder of [paths.cache, ...own]) {
      const found = await machine.ownership(folder);
      if (found !== undefined && !found.writable) foreign.push(folder);
    }
    if (foreign.length > 0)
      return fail(
        `${machine.user} may not write to ${foreign.join(', ')} (was the toolkit run as root before?)`,
        forRoot(machine, 'chown', '-R', ownerWord(machine), paths.cache),
      );
    const there = await machine.ownership(paths.cache);
    if (there !== undefined) return pass(`${paths.cache}, writable`);
    for (let folder = path.dirname(paths.cache); ; folder = path.dirname(folder)) {
      const found = await machine.ownership(folder);
      if (found?.writable === true) return pass(`${paths.cache}, to be made`);
      if (found !== undefined || folder === path.dirname(folder))
        return fail(
          `${machine.user} may not make ${paths.cache}: ${folder} is not theirs`,
          `${forRoot(machine, 'chown', ownerWord(machine), folder)}   (or: KIND_CHECKPOINT_CACHE=FOLDER npm run …)`,
        );
    }
  },
};

export const diskChecks: readonly Check[] = [disk, cacheOwner];
