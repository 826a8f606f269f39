import { expect, test } from 'vitest';
import { type Swap, swapIn } from '../../../scripts/lib/cluster/swap.js';
import { fakeClock, testContext } from '../../support/context.js';
import { type Call, fakeRunner } from '../../support/fake-runner.js';

const NEW: Swap = { name: 'kube-scheduler', file: '/build/kube-scheduler', sha256: 'new' };
const NODE = { name: 'node', id: 'id', state: 'running', role: 'control-plane' };
const MANIFEST = 'spec:\n  containers:\n  - name: kube-scheduler\n    image: registry.k8s.io/kube-scheduler:old\n';

/** A node whose new program never runs, and whose old one runs again so long after its manifest was put back. */
function node(clock: { now(): number }, comesBackAfter: number) {
  let manifest = MANIFEST;
  let putBack: number | undefined;
  const answer = ({ args, options }: Call): string | number => {
    const command = args.slice(args.indexOf('node') + 1).join(' ');
    if (command.startsWith('cat /etc')) return manifest;
    if (command.includes('cat >')) {
      manifest = options.input ?? '';
      if (manifest.includes(':old')) putBack = clock.now();
      return '';
    }
    if (command.includes('sha256sum')) {
      if (manifest.includes(':pushed-')) return 1;
      return putBack !== undefined && clock.now() < putBack + comesBackAfter ? 1 : 'old /proc/1/exe';
    }
    if (command.startsWith('pgrep')) return '1';
    return command.startsWith('curl') ? 'ok' : '';
  };
  return { answer, manifest: () => manifest };
}

test.each([
  ['is back, however little patience there was with the new one', 60_000, 'the old one is back'],
  ['does not come back for long: said so', 600_000, 'the old one was put back and is not healthy yet'],
])('after a new program that does not get healthy, the old one %s', async (_, comesBackAfter, outcome) => {
  const clock = fakeClock();
  const { answer, manifest } = node(clock, comesBackAfter);
  const ctx = testContext({ clock, runner: fakeRunner(answer) });
  await expect(swapIn(ctx, [NODE], NEW, 15_000)).rejects.toThrow(`the new kube-scheduler does not get healthy on node; ${outcome}`);
  expect(manifest().trim()).toBe(MANIFEST.trim());
});
