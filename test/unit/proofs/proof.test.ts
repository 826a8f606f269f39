import { describe, expect, test } from 'vitest';
import { ToolkitError } from '../../../scripts/lib/core/errors.js';
import { Proof } from '../../../scripts/proofs/proof.js';
import { testContext } from '../../support/context.js';

describe('a proof', () => {
  test('says each statement once, as it is proven, with what was seen and the time that it took', async () => {
    const ctx = testContext();
    const proof = new Proof(ctx, 'e2e:docker');
    for (const [what, ms] of [
      ['the counter runs', 1250],
      ['it goes on', 300],
    ] as const)
      await proof.show(what, async () => {
        ctx.clock.pass(ms);
        return { seen: '12 → 20', value: undefined };
      });
    expect(ctx.said).toEqual(['✔ the counter runs: 12 → 20 (1.25 s)', '✔ it goes on: 12 → 20 (0.30 s)']);
    expect(proof.summary()).toBe('2 statements proven in 1.6 s');
    expect(proof.proven).toEqual([
      { what: 'the counter runs', seen: '12 → 20', seconds: 1.25 },
      { what: 'it goes on', seen: '12 → 20', seconds: 0.3 },
    ]);
  });

  test('that does not hold names the statement, and does not count', async () => {
    const ctx = testContext();
    const proof = new Proof(ctx, 'e2e:docker');
    const fails = proof.show('the counter runs', async () => {
      throw new ToolkitError('no such container');
    });
    await expect(fails).rejects.toMatchObject({
      message: 'e2e:docker: does not hold: the counter runs',
      details: ['no such container'],
    });
    expect(ctx.said).toEqual(['✖ the counter runs']);
    expect(proof.summary()).toBe('0 statements proven in 0.0 s');
  });
});
