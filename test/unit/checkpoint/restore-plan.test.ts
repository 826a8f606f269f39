import { describe, expect, test } from 'vitest';
import { readOldPod } from '../../../scripts/checkpoint/pod-manifest.js';
import { checkTarget, plannedPod, type RestoreParts, stemFor } from '../../../scripts/checkpoint/restore-plan.js';
import type { RestoreArchive } from '../../../scripts/checkpoint/restore-source.js';
import { ToolkitError, UsageError } from '../../../scripts/lib/core/errors.js';
import type { NodeObject } from '../../../scripts/lib/kube/core.js';
import { dumpedPod } from '../../support/pod-archive.js';

const archive = (change: Partial<RestoreArchive> = {}): RestoreArchive => ({
  place: { file: `/tmp/${change.container ?? 'main'}.tar` },
  namespace: 'shop',
  pod: 'web',
  container: 'main',
  image: 'web:1',
  architecture: 'amd64',
  podDump: JSON.stringify(
    dumpedPod({ containers: ['main', 'second'], spec: { initContainers: [{ name: 'init' }, { name: 'proxy', restartPolicy: 'Always' }] } }),
  ),
  ...change,
});
const plan = (parts: Partial<RestoreParts> = {}) =>
  plannedPod({ archives: [archive()], manifest: undefined, namespace: undefined, ...parts });

function refusal(parts: Partial<RestoreParts>): ToolkitError {
  try {
    plan(parts);
  } catch (error) {
    expect(error).toBeInstanceOf(ToolkitError);
    return error as ToolkitError;
  }
  throw new TypeError('it was taken');
}

describe('the pod of archives', () => {
  test('is the one that they hold, in its namespace', () => {
    expect(plan().metadata).toMatchObject({ name: 'web', namespace: 'shop' });
    expect(plan({ namespace: 'shop', archives: [archive(), archive({ container: 'proxy' })] }).metadata.name).toBe('web');
  });

  test('may come from one of them alone', () => {
    expect(plan({ archives: [archive({ podDump: undefined }), archive({ container: 'second' })] }).metadata.name).toBe('web');
  });

  test('is that of a manifest where one is given, which may tell no namespace', () => {
    const pod = readOldPod({ metadata: { name: 'mine' }, spec: { containers: [{ name: 'main' }] } }, 'pod.yaml');
    expect(plan({ archives: [archive({ podDump: undefined })], manifest: { pod, file: 'pod.yaml' } }).metadata).toEqual({
      name: 'mine',
      namespace: 'shop',
    });
  });

  test('must be known', () => {
    const error = refusal({ archives: [archive({ podDump: undefined })] });
    expect(error.message).toBe('/tmp/main.tar does not tell what its pod was');
    expect(error.hint).toContain('--pod FILE');
    expect(refusal({ archives: [archive({ podDump: '{' })] }).message).toBe('pod.dump of /tmp/main.tar is no JSON');
    expect(refusal({ archives: [archive({ podDump: '{}' })] }).message).toBe('pod.dump of /tmp/main.tar holds no pod');
  });

  test.each([
    {
      what: 'another namespace than the one asked for',
      parts: { namespace: 'default' },
      says: '/tmp/main.tar is of namespace shop, not of default',
    },
    {
      what: 'a pod that says another namespace than its archive',
      parts: { archives: [archive({ podDump: JSON.stringify(dumpedPod({ namespace: 'kube-system' })) })] },
      says: 'the pod in /tmp/main.tar is of namespace kube-system, its archive of shop',
    },
    {
      what: 'two pods',
      parts: { archives: [archive(), archive({ container: 'second', pod: 'other' })] },
      says: 'the archives are not of one pod',
    },
    {
      what: 'two pods of one name',
      parts: { archives: [archive(), archive({ container: 'second', podDump: JSON.stringify(dumpedPod({ uid: 'u2' })) })] },
      says: 'the archives are of two pods of one name',
    },
    { what: 'one container twice', parts: { archives: [archive(), archive()] }, says: 'two archives of container main were named' },
    {
      what: 'a container that the pod has not',
      parts: { archives: [archive({ container: 'third' })] },
      says: 'pod web has no container third, which /tmp/third.tar is of',
    },
    {
      what: 'an init container',
      parts: { archives: [archive({ container: 'init' })] },
      says: '/tmp/init.tar is of init container init, which runs to its end before the others: it is not restored',
    },
  ])('is refused for $what', ({ parts, says }) => {
    const error = refusal(parts);
    expect(error.message).toBe(says);
    expect(error).toBeInstanceOf(UsageError);
  });
});

describe('the node of a restore', () => {
  const node = (info: object = {}, ready = 'True'): NodeObject => ({
    status: {
      nodeInfo: { architecture: 'amd64', containerRuntimeVersion: 'containerd://2.0.0+checkpoint', ...info },
      conditions: [{ type: 'Ready', status: ready, reason: 'KubeletNotReady' }],
    },
  });
  const check = (object: NodeObject, archives = [archive()]) => checkTarget('node-1', object, archives);

  test('may be any that is ready, of the same machine', () => {
    expect(() => check(node())).not.toThrow();
    expect(() => check(node(), [archive({ architecture: undefined })])).not.toThrow();
  });

  test.each([
    { what: 'is not ready', object: node({}, 'Unknown'), says: 'node node-1 is not ready' },
    {
      what: 'is another machine',
      object: node({ architecture: 'arm64' }),
      says: '/tmp/main.tar is of a process on amd64, and node node-1 is arm64',
    },
  ])('is refused when it $what', ({ object, says }) => {
    expect(() => check(object)).toThrow(says);
  });
});

test.each([
  ['checkpoint-web_shop-main-2026-01-02T03:04:05+02:00.tar', 'checkpoint-web_shop-main-2026-01-02T03:04:05+02:00'],
  ['a.tar', 'checkpoint-a'],
  ['my web (1).tar', 'checkpoint-my-web--1-'],
])('a file called %s is %s in the folder of a node', (name, stem) => {
  expect(stemFor(name)).toBe(stem);
});
