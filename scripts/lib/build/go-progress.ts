import type { StepContext } from '../step.js';

/** Whoever may be told how far something is. */
export type Tell = StepContext['progress'];

/** So many packages are compiled before it is asked how many there are: what is done in a moment is not worth the question. */
const ENOUGH = 20;
/** Linking a program takes about as long as compiling so many packages (the seven of Kubernetes, two cores: 0.3 s and 4 s each). */
const LINK = 12;

/** A line of `go build -v` that names a package which is being compiled. Everything else that Go prints has a space or a colon in it. */
export function isPackage(line: string): boolean {
  return /^[^\s:#]+$/.test(line);
}

/**
 * Follows a build by the lines of `go build -v`, which names each package as its compiler starts, but none that the build cache
 * holds. How many are still to come is what Go calls stale then, asked once, beside the build: so it holds with an empty cache,
 * a full one, and anything between. That takes 2 s of one core for Kubernetes' 2623 packages.
 * @param stale the packages that are not in the build cache (`go list -deps`); what it throws is of no interest
 * @param programs number of programs that are linked in the end
 * @returns takes each line
 */
export function followBuild(tell: Tell, programs: number, stale: () => Promise<readonly string[]>): (line: string) => void {
  const seen = new Set<string>();
  const all = new Set<string>();
  let modules = 0;
  let asked = false;
  let known = false;
  const show = (): void => {
    if (!known) return;
    const compiled = seen.size === all.size ? `${all.size} packages, linking` : `${seen.size} of ${all.size} packages`;
    tell(seen.size / (all.size + LINK * programs), compiled);
  };
  const add = (names: Iterable<string>): void => {
    for (const name of names) all.add(name);
  };
  return (line) => {
    if (line.startsWith('go: downloading ')) {
      modules += 1;
      tell(0, modules === 1 ? 'fetching modules' : `${modules} modules fetched`);
    }
    if (!isPackage(line)) return;
    seen.add(line);
    all.add(line);
    if (!asked && seen.size >= ENOUGH) {
      asked = true;
      void stale().then(
        (names) => {
          add(names);
          known = true;
          show();
        },
        () => undefined,
      );
    }
    show();
  };
}
