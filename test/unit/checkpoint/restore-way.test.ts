import { describe, expect, test } from 'vitest';
import { askRestoreWay, restoreWay } from '../../../scripts/checkpoint/restore-way.js';
import type { Kube } from '../../../scripts/lib/kube/client.js';
import { testContext } from '../../support/context.js';
import { fakeRunner } from '../../support/fake-runner.js';

const SWITCH = 'enable_experimental_restore_via_create';
const dump = (value?: string): string =>
  [
    "[plugins.'io.containerd.cri.v1.runtime']",
    "    cdi_spec_dirs = ['/etc/cdi']",
    ...(value === undefined ? [] : [`    ${SWITCH} = ${value}`]),
  ].join('\n');

describe('how a runtime restores', () => {
  test.each([
    ['containerd://2.0.0+checkpoint', undefined],
    ['containerd://v2.0.0+checkpoint', dump()],
    ['containerd://2.4.1+checkpoint.1', dump('false')],
  ])('by annotations, when it is ours: %s', (runtime, config) => {
    expect(restoreWay(runtime, config)).toEqual({ kind: 'annotation' });
  });

  test.each([
    ['containerd://2.1.0', undefined],
    ['containerd://2.2.6', dump()],
    ['containerd://2.3.3', undefined],
    ['containerd://2.3.3-1~debian', dump()],
    ['containerd://2.3.9', dump('true')],
    ['containerd://2.9.0', dump('true')],
  ])('from images, when it does so unasked, or is told to: %s', (runtime, config) => {
    expect(restoreWay(runtime, config)).toEqual({ kind: 'image' });
  });

  test.each([['containerd://2.2.7'], ['containerd://2.3.4'], ['cri-o://1.33.0']])(
    'from images, with a doubt, when that cannot be seen: %s',
    (runtime) => {
      expect(restoreWay(runtime)).toMatchObject({ kind: 'image', doubt: expect.stringContaining('cannot be seen from here') });
    },
  );

  test.each([
    ['containerd://2.0.0', dump(), 'containerd 2.0.0 does not restore'],
    ['containerd://1.7.24', undefined, 'containerd 1.7.24 does not restore'],
    ['containerd://2.4.0', dump(), 'containerd 2.4.0 does not restore'],
    ['containerd://2.3.4', dump(), `${SWITCH} is off`],
    ['containerd://2.2.6', dump('false'), `${SWITCH} is off`],
    ['docker://29.1.3', undefined, 'docker://29.1.3, which is not known to restore'],
    ['unknown', undefined, 'not known to restore'],
  ])('not at all: %s', (runtime, config, why) => {
    expect(restoreWay(runtime, config)).toMatchObject({ kind: 'none', why: expect.stringContaining(why) });
  });
});

describe('a node', () => {
  const node = (containerRuntimeVersion: string): Parameters<typeof askRestoreWay>[2] => ({
    metadata: { name: 'node' },
    spec: { providerID: 'kind://docker/checkpoint/node' },
    status: { nodeInfo: { containerRuntimeVersion, machineID: 'the machine' } },
  });
  const kube = {} as Kube;

  test('is asked for its configuration where that matters and it is a container here', async () => {
    const runner = fakeRunner(({ line }) => (line.startsWith('docker exec node') ? `the machine\n${dump('false')}` : undefined));
    const way = await askRestoreWay(testContext({ runner }), kube, node('containerd://2.3.3'));
    expect(way).toMatchObject({ kind: 'none', hint: expect.stringContaining('restart containerd') });
    expect(runner.lines.join()).toContain('containerd config dump');
  });

  test('of another machine is judged by its status', async () => {
    const runner = fakeRunner(({ line }) => (line.startsWith('docker exec node') ? 'another machine' : undefined));
    expect(await askRestoreWay(testContext({ runner }), kube, node('containerd://2.3.3'))).toEqual({ kind: 'image' });
  });

  test('with our containerd, or one that never restores, is not visited', async () => {
    expect(await askRestoreWay(testContext(), kube, node('containerd://2.0.0+checkpoint'))).toEqual({ kind: 'annotation' });
    expect(await askRestoreWay(testContext(), kube, node('containerd://1.7.0'))).toMatchObject({ kind: 'none' });
  });
});
