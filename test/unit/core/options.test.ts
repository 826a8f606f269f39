import { describe, expect, test } from 'vitest';
import { UsageError } from '../../../scripts/lib/core/errors.js';
import { imageNames, makeOptions, nodeImageNames } from '../../../scripts/lib/core/options.js';

const instance = (name: string) => makeOptions('/checkout', { KIND_CHECKPOINT_INSTANCE: name }, {});

describe('options', () => {
  test('have defaults', () => {
    expect(makeOptions('/checkout', {}, {})).toEqual({
      instance: 'latest',
      profile: 'default',
      clusterName: 'checkpoint',
      clusterConfig: '/checkout/cluster/cluster.yaml',
      kubernetes: undefined,
      recreate: false,
    });
  });

  test('keep the cluster and the images of an instance apart', () => {
    const options = instance('two');
    expect(options.clusterName).toBe('checkpoint-two');
    expect(imageNames(options)).toEqual({ counter: 'counter:two', ballast: 'ballast:two', server: 'server:two', witness: 'witness:two' });
    expect(nodeImageNames(options)).toEqual({ base: 'kindest/base:two', node: 'kindest/node:two' });
    expect(nodeImageNames(makeOptions('/checkout', {}, {})).node).toBe('kindest/node:latest');
    expect(nodeImageNames(options, 'containerd-9')).toEqual({
      base: 'kindest/base:two-containerd-9',
      node: 'kindest/node:two-containerd-9',
    });
  });

  test.each([
    ['', 'default', 'checkpoint'],
    ['', 'containerd-9.1', 'checkpoint-containerd-9-1'],
    ['two', 'containerd-9.1', 'checkpoint-two-containerd-9-1'],
  ])('keep the clusters of profiles apart: instance "%s" and profile %s', (name, profile, clusterName) => {
    const env = { KIND_CHECKPOINT_INSTANCE: name };
    expect(makeOptions('/checkout', env, { profile })).toMatchObject({ profile, clusterName });
    expect(makeOptions('/checkout', { ...env, KIND_CHECKPOINT_PROFILE: profile }, {})).toMatchObject({ profile, clusterName });
    expect(makeOptions('/checkout', env, { profile, clusterName: 'mine' }).clusterName).toBe('mine');
  });

  test.each(['../default', 'a/b', '.hidden', 'Upper', 'a..b', ''])('refuse the profile %j', (profile) => {
    expect(() => makeOptions('/checkout', {}, { profile })).toThrow(/^--profile: /);
  });

  test('given as flags win over the environment', () => {
    expect(makeOptions('/checkout', { KIND_CHECKPOINT_INSTANCE: 'two' }, { instance: 'three', clusterName: 'mine' })).toMatchObject({
      instance: 'three',
      clusterName: 'mine',
    });
  });

  test('take an empty variable for none', () => {
    expect(instance('').instance).toBe('latest');
  });

  test.each(['Upper', 'under_score', '-first', 'last-', 'a b', 'a'.repeat(33), 'ä'])('refuse the instance %s', (name) => {
    expect(() => instance(name)).toThrow(UsageError);
    expect(() => instance(name)).toThrow(/^KIND_CHECKPOINT_INSTANCE: /);
  });

  test.each(['Upper', 'dot.ted', '-first', 'last-', ''])('refuse the cluster name %j', (clusterName) => {
    expect(() => makeOptions('/checkout', {}, { clusterName })).toThrow(/^--name: /);
  });

  test.each(['a', '2', 'a-b-3', 'a'.repeat(32)])('take the instance %s, cluster included', (name) => {
    expect(instance(name)).toMatchObject({ instance: name, clusterName: `checkpoint-${name}` });
  });
});
