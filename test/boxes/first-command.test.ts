import { expect, test } from 'vitest';
import { toolkit } from '../support/toolkit.js';

/** The quickest that starts from nothing and has an init system of its own on any host. */
const BOX = 'debian:12';

test(`the first command goes through on a fresh ${BOX}`, async () => {
  const { stdout, stderr } = await toolkit('test:boxes', [BOX, '--json']);
  // Its log says what happened when it did not.
  expect(stdout, stderr.slice(-4000)).toMatch(/^\[/);
  expect(JSON.parse(stdout), stderr.slice(-4000)).toMatchObject([{ system: BOX, verdict: 'passed' }]);
});
