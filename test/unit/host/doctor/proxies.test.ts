import { describe, expect, test } from 'vitest';
import { judgeProxies, type ProxyUse, proxyChecks } from '../../../../scripts/lib/host/doctor/proxies.js';
import { look } from '../../../support/machine.js';

describe('proxies', () => {
  const use = (who: string, http?: string, https = http): ProxyUse => ({ who, http, https, set: (proxy) => `set ${who} ${proxy}` });
  const proxy = 'http://proxy.example:3128';

  test('are none', () => {
    expect(judgeProxies([use('the environment'), use('apt')])).toEqual({ verdict: 'pass', seen: 'none' });
  });

  test('agree, however their addresses are written', () => {
    expect(judgeProxies([use('the environment', proxy), use('apt', `${proxy}/`), use('npm', 'proxy.example:3128')]).verdict).toBe('pass');
  });

  test('that do not agree are told, without their passwords', () => {
    const found = judgeProxies([use('the environment', 'http://me:secret@proxy.example:3128'), use('apt', 'http://other.example:3142')]);
    expect(found).toMatchObject({ verdict: 'warn', seen: expect.stringContaining('do not agree') });
    expect(JSON.stringify(found)).not.toContain('secret');
  });

  test.each(['http://127.0.0.1:3128', 'http://localhost:3128/', '127.0.0.1:3128', 'http://me:pw@localhost:3128'])(
    'on the loopback cannot be reached by containers: %s',
    (address) => {
      expect(judgeProxies([use('the environment', address), use('Docker’s client, for builds', address)])).toMatchObject({
        verdict: 'warn',
        seen: expect.stringContaining('loopback'),
      });
    },
  );

  test('of the environment must be told to Docker’s client, which hands none on to builds by itself', () => {
    expect(judgeProxies([use('the environment', proxy), use('Docker’s client, for builds'), use('npm')])).toEqual({
      verdict: 'warn',
      seen: `the environment: ${proxy}; not told: Docker’s client, for builds`,
      mend: `set Docker’s client, for builds ${proxy}`,
    });
  });

  test('are looked for wherever a program is told of them', async () => {
    const found = await look(proxyChecks, 'proxies', {
      env: { HTTPS_PROXY: 'http://env.example:1' },
      machine: {
        files: { '/home/alice/.docker/config.json': '{"auths":{},"proxies":{"default":{"httpProxy":"http://client.example:2"}}}' },
      },
      commands: {
        'apt-config dump Acquire': 'Acquire::http::Proxy "http://apt.example:3";\nAcquire::https::Proxy "DIRECT";',
        "docker info --format $'{{.HTTPProxy}}|{{.HTTPSProxy}}'": 'http://engine.example:4|',
        'npm config list --json': '{"proxy":"http://npm.example:5","registry":"https://npm.example/"}',
      },
    });
    for (const host of ['env.example:1', 'client.example:2', 'apt.example:3', 'engine.example:4', 'npm.example:5'])
      expect(found.seen).toContain(host);
  });
});
