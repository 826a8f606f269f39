import { describe, expect, test } from 'vitest';
import { handOver, takeBack } from '../../../scripts/checkpoint/handover.js';
import type { HttpAnswer } from '../../../scripts/lib/cluster/kubelet.js';
import type { Send } from '../../../scripts/lib/kube/core.js';
import { testContext } from '../../support/context.js';

const container = {
  namespace: 'shop',
  pod: 'web',
  container: 'main',
  node: 'n',
  id: '0123456789abcdef0123',
  restartCount: 0,
  image: 'web',
};
const ARCHIVE = 'shared/m-1.main';
const made = (path: string): HttpAnswer => ({ status: 200, body: JSON.stringify({ items: [path] }) });

/** An API server that gives these answers one after the other, and what it was asked. */
function api(...answers: HttpAnswer[]) {
  const asked: string[] = [];
  const ask: Send = async (method, route, { query }) => {
    asked.push(`${method} ${route}?${new URLSearchParams(query).toString()}`);
    return answers[Math.min(asked.length, answers.length) - 1] ?? { status: 500, body: 'nothing to say' };
  };
  return { asked, how: { archive: ARCHIVE, route: { kind: 'api', kube: { ask } } as const } };
}
const refused = (body: string, status = 500) => ({ status, body });

describe('a container that is handed over', () => {
  test('is checkpointed under the name, and left paused', async () => {
    const { asked, how } = api(made(`/var/lib/kubelet/checkpoints/${ARCHIVE}`));
    await handOver(testContext(), container, { ...how, timeoutSeconds: 60 });
    expect(asked).toEqual([
      'POST /api/v1/namespaces/shop/pods/web/checkpoint?container=main&timeout=60&name=shared%2Fm-1.main&leave=paused',
    ]);
  });

  test('by a kubelet that does not know how is not taken for one', async () => {
    const { how } = api(made('/var/lib/kubelet/checkpoints/checkpoint-web_shop-main-2026.tar'));
    await expect(handOver(testContext(), container, { ...how, timeoutSeconds: 60 })).rejects.toMatchObject({
      message: expect.stringContaining('made an ordinary checkpoint'),
      hint: 'kubectl checkpoint rm checkpoint-web_shop-main-2026.tar',
    });
  });

  test('is not asked for once the run is stopped', async () => {
    const ctx = testContext();
    ctx.abort.abort(new Error('stopped'));
    const { asked, how } = api();
    await expect(handOver(ctx, container, { ...how, timeoutSeconds: 60 })).rejects.toThrow('stopped');
    expect(asked).toEqual([]);
  });

  test('tells why that failed', async () => {
    const { how } = api(refused('{"kind":"Status","message":"no space left on device"}'));
    await expect(handOver(testContext(), container, { ...how, timeoutSeconds: 60 })).rejects.toMatchObject({
      message: 'container main of pod web could not be handed over',
      details: ['the answer was 500: no space left on device'],
    });
  });
});

describe('a container that is taken back', () => {
  test('runs', async () => {
    const { asked, how } = api({ status: 200, body: '{}' });
    expect(await takeBack(testContext(), container, how)).toBe('runs');
    expect(asked).toEqual(['POST /api/v1/namespaces/shop/pods/web/checkpoint?container=main&resume=shared%2Fm-1.main']);
  });

  test('runs by force when that is wanted', async () => {
    const { asked, how } = api({ status: 200, body: '{}' });
    await takeBack(testContext(), container, { ...how, force: true });
    expect(asked[0]).toMatch(/&force=true$/);
  });

  test('is not when another pod has it', async () => {
    const { how } = api(refused('container "x" stays paused: /a was taken by pod shop/web-2 (restored)'));
    expect(await takeBack(testContext(), container, how)).toBe('taken');
  });

  test('is gone when its pod is', async () => {
    expect(await takeBack(testContext(), container, api(refused('pods "web" not found', 404)).how)).toBe('gone');
  });

  test('is waited for while it is being dumped', async () => {
    const busy = refused('a checkpoint of container "x" is already in progress');
    const { asked, how } = api(busy, busy, { status: 200, body: '{}' });
    expect(await takeBack(testContext(), container, how)).toBe('runs');
    expect(asked).toHaveLength(3);
  });

  test('is never said to run when that is not known', async () => {
    const { how } = api(refused('failed to resume the task'));
    await expect(takeBack(testContext(), container, how)).rejects.toMatchObject({
      message: 'container main of pod web could not be taken back',
      details: ['the answer was 500: failed to resume the task'],
    });
  });
});
