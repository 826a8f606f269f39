import type { RunningContainer } from '../../scripts/lib/cluster/pod.js';

/** A container that runs, as tests with a fake node know it. */
export const container: RunningContainer = {
  namespace: 'default',
  pod: 'counter',
  container: 'main',
  node: 'node-1',
  id: '0123456789abcdef0123456789abcdef',
  restartCount: 0,
  image: 'counter:latest',
};
