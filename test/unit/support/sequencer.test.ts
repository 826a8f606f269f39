import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { engineFirst } from '../../support/sequencer.js';

test('the tests that may restart the engine come before those that need a cluster, which keep their order', () => {
  const file = (name: string): { moduleId: string } => ({ moduleId: fileURLToPath(new URL(`../../e2e/${name}.test.ts`, import.meta.url)) });
  const [cluster, docker, api] = ['cluster', 'docker', 'api'].map(file);
  if (cluster === undefined || docker === undefined || api === undefined) throw new TypeError('three files');
  expect(engineFirst([cluster, docker, api])).toEqual([docker, cluster, api]);
  // The name stands in the sequencer too.
  expect(existsSync(docker.moduleId)).toBe(true);
});
