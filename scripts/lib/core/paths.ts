import path from 'node:path';

/** Every place that the toolkit reads or writes. One run has one; tests make their own over a temporary folder. */
export interface Paths {
  /** The checkout: holds package.json. */
  readonly root: string;
  /** All that is made; `npm run clean` removes it. */
  readonly cache: string;
  /** Programs built for the host. */
  readonly bin: string;
  /** Go programs and archives that go into images. */
  readonly build: string;
  /** Source trees, verified and patched. */
  readonly src: string;
  /** Downloaded archives, named by their SHA-256. */
  readonly downloads: string;
  /** One folder a run. */
  readonly logs: string;
  /** One JSON file a finished step. */
  readonly stamps: string;
  /** Half-made things of this process, in a folder named by its ID; those of processes that are gone are removed by the next run. */
  readonly tmp: string;
  /** Checkpoint archives copied from nodes (mode 0700: they hold process memory). */
  readonly archives: string;
  /** Folders that the nodes of a cluster share, one a cluster. What they put there is root’s. */
  readonly shared: string;
  /** Editable trees of the forks: in the checkout, so that cleaning the cache does not lose work. */
  tree(fork: string): string;
  /** Cross-process locks. */
  readonly locks: string;
  /** An editable tree or file in the checkout. */
  inRoot(...parts: string[]): string;
}

/**
 * Lays out the paths of a run.
 * @param root the checkout
 * @param cache absolute or relative to `root`; default `.cache`
 * @param trees folder of the forks' editable trees; default `FORK/tree` in the checkout
 */
export function makePaths(root: string, cache = '.cache', trees?: string): Paths {
  const base = path.resolve(root, cache);
  const at = (name: string): string => path.join(base, name);
  return {
    root,
    cache: base,
    bin: at('bin'),
    build: at('build'),
    src: at('src'),
    downloads: at('downloads'),
    logs: at('logs'),
    stamps: at('stamps'),
    tmp: path.join(at('tmp'), String(process.pid)),
    archives: at('archives'),
    shared: at('shared'),
    tree: (fork) => (trees === undefined ? path.join(root, fork, 'tree') : path.resolve(root, trees, fork)),
    locks: at('locks'),
    inRoot: (...parts) => path.join(root, ...parts),
  };
}
