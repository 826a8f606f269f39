import { existsSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { inPlainFolder } from '../../../scripts/lib/build/plain-folder.js';
import { put, temporaryFolder } from '../../support/context.js';

test('a build stays where it is wanted, where that is a plain path', async () => {
  expect(await inPlainFolder('/home/me/kit/.cache/src/criu', async (folder) => folder)).toBe('/home/me/kit/.cache/src/criu');
});

test.each(['/home/me/my kit/.cache/src/criu', '/home/me/a:b/criu', '/home/me/50%/criu'])(
  'a build does not see %s: it gets a plain folder, which goes with it',
  async (wanted) => {
    const temporary = temporaryFolder();
    const folder = await inPlainFolder(
      wanted,
      async (place) => {
        await put(path.join(place, 'made'), 'made');
        return place;
      },
      temporary,
    );
    expect(path.basename(folder)).toBe('criu');
    expect(folder.startsWith(temporary)).toBe(true);
    expect(existsSync(path.dirname(folder))).toBe(false);
  },
);

test('a build is refused where no path is plain', async () => {
  await expect(inPlainFolder('/my kit/criu', async () => undefined, '/my tmp')).rejects.toThrow(
    'criu cannot be built in a path with spaces',
  );
});
