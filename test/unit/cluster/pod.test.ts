import { describe, expect, test } from 'vitest';
import { chooseContainer, parsePod } from '../../../scripts/lib/cluster/pod.js';
import { ToolkitError, UsageError } from '../../../scripts/lib/core/errors.js';
import { podObject } from '../../support/kube.js';

const choose = (pod: Record<string, unknown>, container?: string) => chooseContainer(parsePod(pod), container);

describe('the container that is meant', () => {
  test('is the only one', () => {
    expect(choose(podObject())).toEqual({
      namespace: 'default',
      pod: 'counter',
      container: 'main',
      node: 'node-1',
      id: 'main-0123456789abcdef0123456789',
      restartCount: 0,
      image: 'counter:latest',
    });
  });

  test('must be named where there are several', () => {
    expect(() => choose(podObject({ containers: ['a', 'b'] }))).toThrow('pod counter has several containers');
    expect(choose(podObject({ containers: ['a', 'b'] }), 'b').container).toBe('b');
  });

  test('is the one that kubectl takes by default', () => {
    const annotations = { 'kubectl.kubernetes.io/default-container': 'b' };
    expect(choose(podObject({ containers: ['a', 'b'], annotations })).container).toBe('b');
  });

  test('may be an init container', () => {
    expect(choose(podObject({ inits: ['side'] }), 'side').container).toBe('side');
    expect(choose(podObject({ inits: ['side'] })).container).toBe('main');
  });

  test('must be there', () => {
    const error = (): unknown => choose(podObject({ inits: ['side'] }), 'nope');
    expect(error).toThrow(UsageError);
    expect(error).toThrow('pod counter has no container nope');
  });

  test('must run', () => {
    const pending = (): unknown => choose(podObject({ running: false, phase: 'Pending' }));
    expect(pending).toThrow(ToolkitError);
    expect(pending).toThrow('container main of pod counter does not run');
    const ended = podObject();
    (ended['status'] as { containerStatuses: Array<Record<string, unknown>> }).containerStatuses[0] = {
      name: 'main',
      image: 'i',
      restartCount: 0,
      ready: false,
      containerID: 'containerd://x',
      state: { terminated: { reason: 'Completed' } },
    };
    expect(() => choose(ended)).toThrow('does not run');
  });

  test('cannot be in what is no pod', () => {
    expect(() => parsePod({ kind: 'Status' })).toThrow('something that is no pod');
  });
});
