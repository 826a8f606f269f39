import { expect, test } from 'vitest';
import { thisUser } from '../../../scripts/lib/core/user.js';

test('a user is told by the login name', () => {
  expect(thisUser(() => ({ username: 'maria' }), 1000)).toEqual({ uid: 1000, login: 'maria', name: 'maria' });
});

test('a user whom the system has no entry for is told by the ID', () => {
  const look = (): never => {
    throw Object.assign(new Error('uv_os_get_passwd returned ENOENT'), { code: 'ENOENT' });
  };
  expect(thisUser(look, 4321)).toEqual({ uid: 4321, login: undefined, name: 'uid 4321' });
});
