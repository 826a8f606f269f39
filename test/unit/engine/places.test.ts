import { describe, expect, test } from 'vitest';
import { type Claim, Places } from '../../../scripts/lib/engine/places.js';

const claim = (title: string, weight = 1, uses: string[] = [], priority = 0): Claim => ({ title, weight, uses, priority });

/** Places with these claims in the queue, and who begins at once. */
function entered(total: number, ...claims: Claim[]): { places: Places<Claim>; began: string[]; next: (...done: Claim[]) => string[] } {
  const places = new Places<Claim>(total);
  for (const one of claims) places.enter(one);
  const next = (...done: Claim[]): string[] => {
    for (const one of done) places.leave(one);
    return places.admit().map(({ title }) => title);
  };
  return { places, began: next(), next };
}

describe('things that are shared', () => {
  const [upgrades, installs, fetches] = [claim('upgrades', 1, ['apt']), claim('installs', 1, ['apt', 'docker']), claim('fetches')];

  test('are held by one at a time, and who waits for one is told who holds it', () => {
    const { places, began, next } = entered(3, upgrades, installs);
    expect(began).toEqual(['upgrades']);
    expect(places.waiting()).toEqual([{ claim: installs, waitsFor: { thing: 'apt', by: upgrades } }]);
    expect(next(upgrades)).toEqual(['installs']);
  });

  test('hold up nobody who does not use them', () => {
    expect(entered(3, upgrades, installs, fetches).began).toEqual(['upgrades', 'fetches']);
  });

  test('hold up what weighs nothing, too', () => {
    expect(entered(3, upgrades, claim('looks', 0, ['apt'])).began).toEqual(['upgrades']);
  });

  test('are not taken from under one that waits for places only', () => {
    const [builds, heavy, light] = [claim('builds', 2), claim('heavy', 2, ['docker']), claim('light', 1, ['docker'])];
    const { began, next } = entered(3, builds, heavy, light);
    expect(began).toEqual(['builds']);
    expect(next(builds)).toEqual(['heavy']);
    expect(next(heavy)).toEqual(['light']);
  });
});

describe('places', () => {
  test('go to the highest priority first, and among equals to whoever came first', () => {
    expect(entered(1, claim('late', 1, [], 1), claim('long', 1, [], 9), claim('later', 1, [], 1)).began).toEqual(['long']);
    const { next, places } = entered(3, claim('a', 3));
    for (const one of [claim('b', 1, [], 1), claim('c', 1, [], 9), claim('d', 1, [], 1)]) places.enter(one);
    expect(next()).toEqual([]);
    expect(places.waiting().map(({ claim: { title } }) => title)).toEqual(['c', 'b', 'd']);
  });

  test('are left to light ones while a heavy one waits for another heavy one', () => {
    const [first, second, light] = [claim('first', 2, [], 9), claim('second', 2, [], 8), claim('light')];
    expect(entered(3, first, second, light).began).toEqual(['first', 'light']);
  });

  test('are kept for a heavy one, so that light ones that keep coming do not starve it', () => {
    const lights = Array.from({ length: 8 }, (_, index) => claim(`light ${index}`));
    const [a, b, c, d, ...later] = lights as [Claim, Claim, Claim, Claim, ...Claim[]];
    const { places, began, next } = entered(3, a, b, c);
    expect(began).toEqual(['light 0', 'light 1', 'light 2']);
    places.enter(claim('heavy', 2, [], 1));
    for (const light of [d, ...later]) places.enter(light);
    expect(next(a)).toEqual(['light 3']);
    expect(next(b)).toEqual([]);
    expect(next(c)).toEqual(['heavy']);
    expect(places.waiting().every(({ waitsFor }) => waitsFor === 'places')).toBe(true);
  });

  test('are all taken by one that asks for more than there are', () => {
    expect(entered(1, claim('heavy', 2), claim('light')).began).toEqual(['heavy']);
  });
});
