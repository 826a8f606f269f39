import { describe, expect, test } from 'vitest';
import { type ClusterFacts, decide, nodeIds } from '../../../scripts/lib/cluster/decision.js';

const running = [
  { name: 'checkpoint-control-plane', id: 'a', state: 'running' },
  { name: 'checkpoint-worker', id: 'b', state: 'running' },
];
const stopped = running.map((node) => ({ ...node, state: 'exited' }));
const half = [running[0], stopped[1]].flatMap((node) => node ?? []);

/** A cluster that runs and is the one that was made. */
const fine: ClusterFacts = {
  name: 'checkpoint',
  nodes: running,
  unfinished: false,
  made: { nodes: nodeIds(running), changed: [] },
  recreate: false,
};

const start = (...nodes: string[]) => ({ do: 'start', nodes });
const changed = (...names: string[]) => ({ made: { nodes: nodeIds(running), changed: names } });

describe('a cluster', () => {
  test.each<[string, Partial<ClusterFacts>, ReturnType<typeof decide>['do'] | ReturnType<typeof start>]>([
    ['runs and is the one asked for', {}, 'nothing'],
    ['is not there', { nodes: [], made: undefined }, 'create'],
    ['was removed by other means', { nodes: [] }, 'create'],
    ['was removed after a creation that was killed', { nodes: [], unfinished: true, made: undefined }, 'create'],
    ['is stopped', { nodes: stopped }, start('checkpoint-control-plane', 'checkpoint-worker')],
    ['has a node that is stopped', { nodes: half }, start('checkpoint-worker')],
    ['was left half-created by a run that was killed', { unfinished: true, made: undefined }, 're-create'],
    ['was left half re-created', { unfinished: true, ...changed('configuration') }, 're-create'],
    ['is somebody else’s', { made: undefined }, 'refuse'],
    ['is somebody else’s, and stopped', { made: undefined, nodes: stopped }, 'refuse'],
    ['is somebody else’s, and may go', { made: undefined, recreate: true }, 're-create'],
    ['has another configuration', changed('configuration'), 'refuse'],
    ['has another configuration, and is stopped', { ...changed('configuration'), nodes: stopped }, 'refuse'],
    ['has another configuration, and may go', { ...changed('configuration'), recreate: true }, 're-create'],
    ['has another image', changed('node image'), 'refuse'],
    ['has another node', { made: { nodes: 'a c', changed: [] } }, 'refuse'],
    ['has another node, and may go', { made: { nodes: 'a c', changed: [] }, recreate: true }, 're-create'],
    ['has a further node', { made: { nodes: 'a', changed: [] } }, 'refuse'],
    ['was recorded without its nodes', { made: { nodes: undefined, changed: [] } }, 'refuse'],
    ['is stopped, and may go', { nodes: stopped, recreate: true }, 're-create'],
    ['is not there, and may go', { nodes: [], recreate: true }, 'create'],
  ])('that %s', (_, facts, expected) => {
    expect(decide({ ...fine, ...facts })).toMatchObject(typeof expected === 'string' ? { do: expected } : expected);
  });

  test.each<[string, Partial<ClusterFacts>, Record<string, unknown>]>([
    [
      'somebody else’s',
      { made: undefined },
      {
        message: 'a cluster called checkpoint exists that was not made from here',
        hint: 'Choose another name (--name), or have it made anew: npm run cluster:up -- --recreate',
      },
    ],
    [
      'another configuration and image',
      changed('configuration', 'node image'),
      {
        message: 'cluster checkpoint would have to be made anew',
        details: ['changed since it was made: configuration, node image'],
        hint: 'What runs in it would be lost, so say so: npm run cluster:up -- --recreate',
      },
    ],
    [
      'other nodes',
      { made: { nodes: 'a c', changed: [] } },
      { message: 'cluster checkpoint would have to be made anew', details: ['its nodes are not the ones that were made'] },
    ],
  ])('is refused for %s with what is to be done', (_, facts, reason) => {
    expect(decide({ ...fine, ...facts })).toMatchObject({ do: 'refuse', reason });
  });
});
