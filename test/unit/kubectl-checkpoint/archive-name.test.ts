import { describe, expect, test } from 'vitest';
import { mayBeOf, parseArchiveName } from '../../../scripts/kubectl-checkpoint/archive-name.js';

const TIME = '2026-11-24T06:04:11Z';

describe('the name of an archive', () => {
  test('tells pod and time, and the namespace where there is one way to read it', () => {
    expect(parseArchiveName(`checkpoint-web-0_shop-nginx-${TIME}.tar`)).toEqual({
      pod: 'web-0',
      namespace: 'shop',
      container: 'nginx',
      time: TIME,
    });
  });

  test('may be read in several ways when namespace or container have dashes', () => {
    const name = `checkpoint-counter_default-counter-container-${TIME}.tar`;
    expect(parseArchiveName(name)).toEqual({ pod: 'counter', namespace: undefined, container: undefined, time: TIME });
    expect(parseArchiveName(name, 'default')).toMatchObject({ namespace: 'default', container: 'counter-container' });
    expect(parseArchiveName(name, 'default-counter')).toMatchObject({ namespace: 'default-counter', container: 'container' });
    expect(parseArchiveName(name, 'other')).toMatchObject({ namespace: undefined });
  });

  test('is read in the time zone of the node', () => {
    expect(parseArchiveName('checkpoint-a.b_c-d-2026-11-24T06:04:11+05:30.tar')).toEqual({
      pod: 'a.b',
      namespace: 'c',
      container: 'd',
      time: '2026-11-24T06:04:11+05:30',
    });
  });

  test('may have a fraction of a second, where two are of the same one', () => {
    const time = '2026-11-24T06:04:11.000007000Z';
    expect(parseArchiveName(`checkpoint-web-0_shop-nginx-${time}.tar`)).toMatchObject({ pod: 'web-0', container: 'nginx', time });
  });

  test.each([
    'checkpoint.tar',
    'notes.tar',
    `checkpoint-counter_default-counter-${TIME}.tar.part`,
    `checkpoint-counter_default_${TIME}.tar`,
    'checkpoint-counter_default-counter-yesterday.tar',
    `checkpoint-a/b_default-counter-${TIME}.tar`,
  ])('is not %s', (name) => {
    expect(parseArchiveName(name)).toBeUndefined();
  });

  test('tells which namespaces it may be of', () => {
    const name = `checkpoint-counter_kube-system-dns-${TIME}.tar`;
    expect(mayBeOf(name, 'kube')).toBe(true);
    expect(mayBeOf(name, 'kube-system')).toBe(true);
    expect(mayBeOf(name, 'kube-sys')).toBe(false);
    expect(mayBeOf('notes.tar', 'kube')).toBe(false);
  });
});
