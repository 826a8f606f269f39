import type { Context } from '../core/context.js';
import { isTooOld } from './docker-engine.js';

/** The packages that make up Docker, of the distributions and of Docker's own repository. */
const PACKAGES = {
  distribution: { engine: ['docker.io'], client: ['docker-cli'], buildx: ['docker-buildx'] },
  docker: { engine: ['docker-ce', 'containerd.io'], client: ['docker-ce-cli'], buildx: ['docker-buildx-plugin'] },
} as const;

/** All names, for preferences of apt. */
export const distributionPackages = Object.values(PACKAGES.distribution).flat();

/** A package as apt sees it: the version that is installed, and the one that it would install. */
export interface PackageState {
  readonly installed: string | undefined;
  readonly candidate: string | undefined;
}

/** What is to be installed of Docker. */
export interface Wanted {
  readonly engine: boolean;
  readonly client: boolean;
  readonly buildx: boolean;
}

/** Asks apt what it has and would install of Docker's packages. */
export async function dockerPackages({ runner }: Pick<Context, 'runner'>): Promise<ReadonlyMap<string, PackageState>> {
  const names = Object.values(PACKAGES).flatMap((family) => Object.values(family).flat());
  // Its words are translated otherwise.
  const { stdout } = await runner.run('apt-cache', ['policy', ...names], { accept: true, env: { LC_ALL: 'C' } });
  return parsePolicy(stdout);
}

/** Reads what apt-cache(8) policy prints, in English. */
export function parsePolicy(text: string): ReadonlyMap<string, PackageState> {
  const field = (block: string, name: string): string | undefined => {
    const value = new RegExp(`^  ${name}: (.+)$`, 'm').exec(block)?.[1];
    return value === undefined || value === '(none)' ? undefined : value;
  };
  const blocks = text.split(/^(?=\S+:$)/m).filter((block) => /^\S+:\n/.test(block));
  return new Map(
    blocks.map((block) => [
      block.slice(0, block.indexOf(':\n')),
      { installed: field(block, 'Installed'), candidate: field(block, 'Candidate') },
    ]),
  );
}

/**
 * Chooses the packages to install: of the family that is installed already; else Docker's own where somebody has added its repository,
 * or the distribution's.
 * @returns their names; undefined when apt has none that work
 */
export function choosePackages(known: ReadonlyMap<string, PackageState>, wanted: Wanted): string[] | undefined {
  const offers = (name: string): boolean => known.get(name)?.candidate !== undefined;
  const isInstalled = (name: string): boolean => known.get(name)?.installed !== undefined;
  const engineOf = ({ engine: [name] }: (typeof PACKAGES)['docker' | 'distribution']): boolean => {
    const version = known.get(name)?.candidate?.replace(/^\d+:/, '');
    return version !== undefined && !isTooOld(version);
  };
  const isDockers = Object.values(PACKAGES.docker).flat().some(isInstalled) || (wanted.engine && engineOf(PACKAGES.docker));
  const family = isDockers && !isInstalled('docker.io') ? PACKAGES.docker : PACKAGES.distribution;
  if (wanted.engine && !engineOf(family)) return undefined;
  const names: string[] = [];
  if (wanted.engine) names.push(...family.engine);
  // Where there is no package of its own, the client comes with the engine.
  if (wanted.client) names.push(...(offers(family.client[0]) ? family.client : wanted.engine ? [] : family.engine));
  if (wanted.buildx) {
    if (!offers(family.buildx[0])) return undefined;
    names.push(...family.buildx);
  }
  return names;
}
