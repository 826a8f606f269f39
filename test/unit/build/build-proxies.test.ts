import { describe, expect, test } from 'vitest';
import { buildProxies } from '../../../scripts/lib/build/build-proxies.js';
import { fakeRunner } from '../../support/fake-runner.js';

const proxies = (dump: string | Error, env: NodeJS.ProcessEnv = {}) =>
  buildProxies({ runner: fakeRunner({ 'apt-config dump Acquire': dump }), env });

describe('the proxies of a build', () => {
  test('are none where the machine has none', async () => {
    expect(await proxies('Acquire "";\nAcquire::http "";\n', { no_proxy: 'localhost' })).toEqual({ variables: {}, onThisMachine: false });
  });

  test('are those of the environment, in small letters or capitals', async () => {
    const env = { http_proxy: 'http://proxy.example:3128', HTTPS_PROXY: 'http://proxy.example:3129', NO_PROXY: 'localhost,.example' };
    expect(await proxies('', env)).toEqual({
      variables: { http_proxy: 'http://proxy.example:3128', https_proxy: 'http://proxy.example:3129', no_proxy: 'localhost,.example' },
      onThisMachine: false,
    });
  });

  test('are rather those of apt, with the hosts that it asks without one', async () => {
    const dump = [
      'Acquire::http::Proxy "http://cache.example:3142";',
      'Acquire::http::Proxy::mirror.example "DIRECT";',
      'Acquire::http::Pipeline-Depth "0";',
    ].join('\n');
    expect((await proxies(dump, { http_proxy: 'http://other.example', no_proxy: 'localhost' })).variables).toEqual({
      http_proxy: 'http://cache.example:3142',
      https_proxy: 'http://cache.example:3142',
      no_proxy: 'localhost,mirror.example',
    });
  });

  test('are none where apt is told to use none', async () => {
    const dump = 'Acquire::http::Proxy "DIRECT";\nAcquire::https::Proxy "DIRECT";';
    expect((await proxies(dump, { http_proxy: 'http://other.example' })).variables).toEqual({});
  });

  test('are those of the environment where there is no apt', async () => {
    expect((await proxies(new Error('apt-config: command not found'), { http_proxy: 'http://p.example' })).variables).toEqual({
      http_proxy: 'http://p.example',
    });
  });

  test.each([
    ['http://localhost:3128', true],
    ['http://127.0.0.1:3142/', true],
    ['http://ada:secret@127.1.2.3:1', true],
    ['http://[::1]:3128', true],
    ['localhost:3128', true],
    ['http://localhost.example:3128', false],
    ['http://172.17.0.1:3128', false],
  ])('%s is on this machine: %s', async (proxy, here) => {
    expect((await proxies('', { http_proxy: proxy })).onThisMachine).toBe(here);
  });
});
