import { existsSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { profileNames, readProfile } from '../../../scripts/lib/cluster/profile.js';
import { makePaths } from '../../../scripts/lib/core/paths.js';
import { checkout } from '../../support/checkout.js';
import { put, type TestContext, testContext } from '../../support/context.js';

const GOOD = 'summary: a runtime\npins: {containerd: images/x}\nruntime: {restore: none, apartByASecond: true, survivesFaults: false}\n';

async function withFile(text: string): Promise<TestContext> {
  const ctx = testContext({ options: { profile: 'mine' } });
  await put(path.join(ctx.paths.root, 'cluster', 'profiles', 'mine.yaml'), text);
  return ctx;
}

describe('a profile', () => {
  test.each(profileNames(makePaths(checkout)))('%s of this checkout can be read, and its pins are there', (name) => {
    const { pins } = readProfile({ paths: makePaths(checkout), options: { profile: name } });
    for (const folder of Object.values(pins))
      for (const file of ['go.mod', 'go.sum', 'pin.go'])
        expect(existsSync(path.join(checkout, folder, file)), `${folder}/${file}`).toBe(true);
  });

  test('says what it is, what it pins and what its runtime can do', async () => {
    expect(readProfile(await withFile(GOOD))).toEqual({
      name: 'mine',
      summary: 'a runtime',
      pins: { containerd: 'images/x' },
      containerdConfigPatches: [],
      runtime: { restore: 'none', apartByASecond: true, survivesFaults: false },
    });
  });

  test('that is not there is refused with the names of those that are', async () => {
    const ctx = await withFile(GOOD);
    expect(() => readProfile({ ...ctx, options: { profile: 'other' } })).toThrowError(
      expect.objectContaining({ message: 'there is no profile other', hint: 'Profiles: mine (cluster/profiles)', exitCode: 2 }),
    );
  });

  test.each([
    ['an ability that there is not', `${GOOD}more: true\n`, 'more'],
    ['a route that there is not', GOOD.replace('none', 'magic'), 'runtime.restore'],
    ['a part that is missing', GOOD.replace(/pins.*\n/, ''), 'pins'],
    ['text that is no YAML', 'summary: [', 'line 1'],
  ])('with %s is refused, and the place is named', async (_, text, place) => {
    const ctx = await withFile(text);
    expect(() => readProfile(ctx)).toThrowError(
      expect.objectContaining({ message: 'mine.yaml is not a profile', details: expect.arrayContaining([expect.stringContaining(place)]) }),
    );
  });
});
