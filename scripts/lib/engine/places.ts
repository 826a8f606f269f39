/** What somebody who wants to work asks for. */
export interface Claim {
  /** Shown to those who wait for what it holds. */
  readonly title: string;
  /** Places that it takes while it works; more than there are: all of them. */
  readonly weight: number;
  /** Things that nobody else may use meanwhile. */
  readonly uses: readonly string[];
  /** Of those who could begin, the one with the highest begins first; among equals, whoever came first. */
  readonly priority: number;
}

/** What a claim waits for: a thing and who uses it, or places. */
export type Waiting = { readonly thing: string; readonly by: Claim } | 'places';

interface Queued<C extends Claim> {
  readonly claim: C;
  /** Those who took places past this one while it lacked nothing but places. */
  readonly overtakers: Set<C>;
}

/**
 * Who may work beside whom. Pure bookkeeping: it is told who comes and goes, and says who begins.
 *
 * - Two claims that use the same thing never hold at once. Who waits for a thing keeps nobody from a place.
 * - Who lacks nothing but places lets others pass only as long as it would still fit beside all who passed: it begins at the
 *   latest when those are done who were at work before it came, so a stream of light ones does not starve a heavy one.
 */
export class Places<C extends Claim> {
  private queue: Array<Queued<C>> = [];
  private readonly holding = new Set<C>();

  constructor(private readonly total: number) {}

  /** Somebody wants to work; see {@link admit}. */
  enter(claim: C): void {
    const after = this.queue.findIndex((other) => other.claim.priority < claim.priority);
    this.queue.splice(after === -1 ? this.queue.length : after, 0, { claim, overtakers: new Set() });
  }

  /** Those who begin now, in this order. They hold what they asked for until they {@link leave}. */
  admit(): C[] {
    const admitted: C[] = [];
    const passed: Array<Queued<C>> = [];
    for (const queued of this.queue) {
      const { claim } = queued;
      if (this.holderOf(claim) !== undefined) continue;
      const fits = this.weightOf(claim) <= this.total - this.taken(this.holding);
      if (fits && passed.every((heavier) => this.mayPass(claim, heavier))) {
        for (const { overtakers } of passed) overtakers.add(claim);
        this.holding.add(claim);
        admitted.push(claim);
      } else passed.push(queued);
    }
    this.queue = this.queue.filter(({ claim }) => !this.holding.has(claim));
    return admitted;
  }

  /** Somebody is done; see {@link admit} for who begins then. */
  leave(claim: C): void {
    this.holding.delete(claim);
    for (const { overtakers } of this.queue) overtakers.delete(claim);
  }

  /** Those who have entered and not begun, and what for, in the order in which they would begin. */
  waiting(): Array<{ readonly claim: C; readonly waitsFor: Waiting }> {
    return this.queue.map(({ claim }) => ({ claim, waitsFor: this.holderOf(claim) ?? 'places' }));
  }

  private holderOf(claim: C): { thing: string; by: C } | undefined {
    for (const by of this.holding) {
      const thing = by.uses.find((used) => claim.uses.includes(used));
      if (thing !== undefined) return { thing, by };
    }
    return undefined;
  }

  private mayPass(claim: C, { claim: waits, overtakers }: Queued<C>): boolean {
    // What weighs nothing takes no place from anyone.
    const enoughLeft = claim.weight === 0 || this.weightOf(waits) <= this.total - this.taken(overtakers) - this.weightOf(claim);
    return enoughLeft && !claim.uses.some((used) => waits.uses.includes(used));
  }

  private weightOf({ weight }: C): number {
    return Math.min(weight, this.total);
  }

  private taken(claims: ReadonlySet<C>): number {
    return [...claims].reduce((sum, claim) => sum + this.weightOf(claim), 0);
  }
}
