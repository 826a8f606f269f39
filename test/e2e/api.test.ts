import { expect, test } from 'vitest';
import { toolkitJson } from '../support/toolkit.js';

test('the API server checkpoints pods, refuses what it must, and nobody who goes away leaves a container paused', async () => {
  const { proven } = (await toolkitJson('e2e:api')) as { proven: Array<{ what: string }> };
  const statements = proven.map(({ what }) => what);
  for (const code of ['200', '400', '403', '404', '405', '409'])
    expect(statements.filter((what) => what.startsWith(`${code}: `)).length, code).toBeGreaterThan(1);
  expect(statements).toEqual(
    expect.arrayContaining([
      '200: the recipe’s request through kubectl proxy, to the letter',
      '200: the same without the odd header',
      'the audit log shows the request, its verb and subresource',
      'discovery lists pods/checkpoint',
      'a client that goes away in the middle leaves the container running',
      'three at once: one after the other, each with an archive of its own',
      'killed in the middle: the API server; the toolkit’s own command leaves the container running',
      'killed in the middle: the kubelet; the toolkit’s own command leaves the container running',
      'a kubelet that does not run: refused at once, not a hang',
    ]),
  );
});
