import type { Clock } from '../core/context.js';
import type { StepContext } from '../engine/step.js';

/** Whoever may be told how far something is. */
export type Tell = StepContext['progress'];

/** A build that is done before so many packages are compiled, or so many milliseconds have passed, is not worth the question. */
const ENOUGH = 20;
const SOON_MS = 5000;
/** Linking a program takes about as long as compiling so many packages (the seven of Kubernetes, two cores: 0.3 s and 4 s each). */
const LINK = 12;

/** The packages that programs are made of, and those of them that the build cache does not hold. */
export interface Packages {
  readonly all: readonly string[];
  readonly stale: readonly string[];
}

/** A line of `go build -v` that names a package which is being compiled. Everything else that Go prints has a space or a colon in it. */
export function isPackage(line: string): boolean {
  return /^[^\s:#]+$/.test(line);
}

/**
 * Follows a build by the lines of `go build -v`, which names each package as its compiler starts, but none that the build cache
 * holds. Which those are is asked once, beside the build: so it holds with an empty cache, a full one, and anything between. That
 * takes 2 s of one core for Kubernetes' 2623 packages.
 */
export class BuildProgress {
  private readonly compiled = new Set<string>();
  private readonly toCompile = new Set<string>();
  private total: number | undefined;
  private modules = 0;
  private asked = false;

  /**
   * @param programs number of programs that are linked in the end
   * @param list tells the packages (`go list -deps`); what it throws is of no interest
   */
  constructor(
    private readonly tell: Tell,
    private readonly programs: number,
    private readonly list: () => Promise<Packages>,
  ) {}

  /** Does the build, and takes its lines meanwhile. */
  async during<T>(clock: Clock, build: (onEachLine: (line: string) => void) => Promise<T>): Promise<T> {
    const done = new AbortController();
    clock.sleep(SOON_MS, done.signal).then(
      () => this.ask(),
      () => undefined,
    );
    try {
      return await build((line) => this.line(line));
    } finally {
      done.abort();
    }
  }

  private line(line: string): void {
    if (line.startsWith('go: downloading ')) {
      this.modules += 1;
      this.tell(0, this.modules === 1 ? 'fetching modules' : `${this.modules} modules fetched`);
    }
    if (!isPackage(line)) return;
    this.compiled.add(line);
    if (this.compiled.size >= ENOUGH) this.ask();
    this.show();
  }

  private ask(): void {
    // While modules are fetched Go would fetch them for the answer too.
    if (this.asked || (this.modules > 0 && this.compiled.size === 0)) return;
    this.asked = true;
    this.list().then(
      ({ all, stale }) => {
        for (const name of stale) this.toCompile.add(name);
        this.total = all.length;
        this.show();
      },
      () => undefined,
    );
  }

  private show(): void {
    if (this.total === undefined) return;
    const left = [...this.toCompile].filter((name) => !this.compiled.has(name)).length;
    const there = this.total - left;
    const detail = left === 0 ? `${this.total} packages, linking` : `${there} of ${this.total} packages`;
    this.tell(there / (this.total + LINK * this.programs), detail);
  }
}
