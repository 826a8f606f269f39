import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { networkChecks } from '../../../../scripts/lib/host/doctor/network.js';
import { judgeProxies, type ProxyUse, proxyChecks } from '../../../../scripts/lib/host/doctor/proxies.js';
import { reach } from '../../../../scripts/lib/host/doctor/reach.js';
import { look, type Scene } from '../../../support/machine.js';

async function serve(answer: RequestListener): Promise<{ server: Server; url: string }> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

describe('an address', () => {
  test.each([
    [200, true],
    [404, true],
    [401, false],
    [403, false],
    [503, false],
  ])('that answers %i is reached: %s', async (status, ok) => {
    const { url } = await serve((_, response) => response.writeHead(status).end());
    expect(await reach(`${url}/list`)).toMatchObject({ ok, seen: expect.stringMatching(new RegExp(`^${status} in `)) });
  });

  test('where nobody listens is not reached', async () => {
    expect(await reach('http://127.0.0.1:1/')).toEqual({ ok: false, seen: 'ECONNREFUSED' });
  });

  test('that never answers is given up', async () => {
    const { url } = await serve(() => undefined);
    expect(await reach(url, { patience: 100 })).toEqual({ ok: false, seen: 'no answer in 0.1 s' });
  });

  test('is asked for through a proxy, with its name and password', async () => {
    const asked: Array<[string | undefined, string | undefined]> = [];
    const { url } = await serve((request, response) => {
      asked.push([request.url, request.headers['proxy-authorization']]);
      response.writeHead(200).end();
    });
    expect((await reach('http://mirror.example/debian/', { proxy: url.replace('http://', 'http://me:secret@') })).ok).toBe(true);
    expect(asked).toEqual([['http://mirror.example/debian/', `Basic ${Buffer.from('me:secret').toString('base64')}`]]);
  });

  test('over TLS is asked for by a tunnel, which a proxy may refuse', async () => {
    const targets: Array<string | undefined> = [];
    const { server, url } = await serve((_, response) => response.writeHead(200).end());
    server.on('connect', (request, socket) => {
      targets.push(request.url);
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
    });
    expect(await reach('https://proxy.example/', { proxy: url })).toMatchObject({ ok: false, seen: expect.stringMatching(/^407 in /) });
    expect(targets).toEqual(['proxy.example:443']);
  });

  test('behind a tunnel whose end speaks no TLS is not reached', async () => {
    const { server, url } = await serve(() => undefined);
    server.on('connect', (_, socket) => socket.resume().end('HTTP/1.1 200 OK\r\n\r\nhello'));
    expect((await reach('https://proxy.example/', { proxy: url })).ok).toBe(false);
  });
});

const yes = async (): Promise<{ ok: boolean; seen: string }> => ({ ok: true, seen: '200 in 0.1 s' });
const no = async (): Promise<{ ok: boolean; seen: string }> => ({ ok: false, seen: 'ENOTFOUND' });

describe('Go itself', () => {
  const goSources = ['https://go.example/dl/go.tar.gz'];
  const own = '/home/alice/checkout/.cache/go/bin/go env GOVERSION GOPROXY';
  const version = (text: string | Error, fetched: string | Error = new Error('not found')) => ({
    'go env GOVERSION GOPROXY': text,
    [own]: fetched,
  });

  test.each(['go1.21.0\n', 'go1.26.1\nhttps://modules.example', 'go2.0\n'])('that can fetch compilers is enough: %j', async (text) => {
    expect(await look(networkChecks, 'reach-go-toolchain', { commands: version(text), goSources })).toMatchObject({ verdict: 'pass' });
  });

  test.each([
    ['is missing', new Error('go: command not found'), 'not installed'],
    ['is older', 'go1.19.8\n', 'go1.19.8, too old'],
  ])('that %s is fetched, from where it can be reached', async (_, text, seen) => {
    const commands = version(text);
    expect(await look(networkChecks, 'reach-go-toolchain', { commands, goSources, reach: yes })).toMatchObject({
      verdict: 'pass',
      seen: `${seen}: set-up fetches one (go.example: 200 in 0.1 s)`,
    });
    expect(await look(networkChecks, 'reach-go-toolchain', { commands, goSources, reach: no })).toMatchObject({
      verdict: 'fail',
      seen: expect.stringContaining('go.example: ENOTFOUND'),
      mend: expect.stringContaining('GOPROXY'),
    });
  });

  test('that set-up has fetched is enough', async () => {
    const commands = version(new Error('go: command not found'), 'go1.23.6\n');
    expect(await look(networkChecks, 'reach-go-toolchain', { commands, goSources })).toMatchObject({ verdict: 'pass', seen: 'go1.23.6' });
  });
});

describe("Go's modules", () => {
  const go = (env: NodeJS.ProcessEnv, more: Partial<Scene> = {}) => look(networkChecks, 'reach-go', { env, reach: yes, ...more });

  test('are asked for at a pinned module, of the first proxy that GOPROXY names', async () => {
    const asked: string[] = [];
    const reachIt: Scene['reach'] = async (url) => {
      asked.push(url);
      return yes();
    };
    expect(await go({ GOPROXY: 'https://modules.example/go/,direct' }, { reach: reachIt })).toEqual({
      verdict: 'pass',
      seen: 'modules.example: 200 in 0.1 s',
    });
    expect(asked).toEqual(['https://modules.example/go/sigs.k8s.io/kind/@v/list']);
  });

  test('are had from one of several proxies', async () => {
    const first: Scene['reach'] = (url) => (url.includes('one') ? no() : yes());
    expect((await go({ GOPROXY: 'https://one.example|https://two.example' }, { reach: first })).verdict).toBe('pass');
  });

  test('behind a proxy that reads along need its authority', async () => {
    const forged: Scene['reach'] = async () => ({ ok: false, seen: 'SELF_SIGNED_CERT_IN_CHAIN' });
    expect(await go({ GOPROXY: 'https://modules.example' }, { reach: forged })).toMatchObject({
      verdict: 'fail',
      mend: expect.stringContaining('update-ca-certificates'),
    });
    const npm = { 'npm config list --json': '{"registry":"https://npm.example/"}' };
    expect((await look(networkChecks, 'reach-npm', { reach: forged, commands: npm })).mend).toContain('npm config set cafile=');
  });

  test('that cannot be had fail, with where that is set', async () => {
    expect(await go({ GOPROXY: 'https://modules.example' }, { reach: no })).toMatchObject({
      verdict: 'fail',
      mend: expect.stringContaining('go env GOPROXY'),
    });
  });

  test('are asked for as Go says when nothing is set', async () => {
    const commands = { 'go env GOVERSION GOPROXY': 'go1.22.1\nhttps://modules.example,direct' };
    expect(await go({}, { commands })).toMatchObject({ verdict: 'pass', seen: expect.stringContaining('modules.example') });
  });

  test('cannot be asked for where Go is not there yet', async () => {
    const commands = () => new Error('go: command not found');
    expect(await go({}, { commands })).toMatchObject({ verdict: 'skip', seen: expect.stringContaining('not asked') });
  });

  test.each([
    ['off', 'warn'],
    ['direct', 'pass'],
  ])('by GOPROXY=%s: %s', async (GOPROXY, verdict) => {
    expect((await go({ GOPROXY })).verdict).toBe(verdict);
  });

  test('go through the proxy of the environment, but for excepted hosts', async () => {
    const used: Array<string | undefined> = [];
    const reachIt: Scene['reach'] = async (_, { proxy }) => {
      used.push(proxy);
      return yes();
    };
    const env = { GOPROXY: 'https://modules.corp.example', https_proxy: 'http://proxy.example:3128' };
    await go(env, { reach: reachIt });
    await go({ ...env, no_proxy: 'localhost,.corp.example' }, { reach: reachIt });
    await go({ ...env, no_proxy: 'orp.example' }, { reach: reachIt });
    expect(used).toEqual(['http://proxy.example:3128', undefined, 'http://proxy.example:3128']);
  });
});

describe("apt's mirrors", () => {
  const uris = [
    "'http://mirror.example/debian/dists/bookworm/InRelease' mirror.example_debian_dists_bookworm_InRelease 0 ",
    "'http://mirror.example/debian/dists/bookworm-updates/InRelease' mirror.example_debian_dists_bookworm-updates_InRelease 0 ",
    "'http://security.example/dists/bookworm-security/InRelease' security.example_dists_bookworm-security_InRelease 0 ",
    "'https://flat.example/packages/InRelease' flat.example_packages_InRelease 0 ",
    "'file:/srv/packages/dists/local/InRelease' _srv_packages_dists_local_InRelease 0 ",
    "'http://mirror.example/debian/dists/bookworm/main/binary-amd64/Packages.xz' mirror.example_debian_dists_bookworm_main_binary-amd64_Packages 0 ",
  ].join('\n');
  const dump = "apt-config dump --format $'%f %v%n' Acquire";
  const mirrors = (reachIt: Scene['reach'], config = '') =>
    look(networkChecks, 'reach-apt', {
      ...(reachIt === undefined ? {} : { reach: reachIt }),
      commands: { 'apt-get update --print-uris': uris, [dump]: config },
    });

  test('are each tried once, by their release file', async () => {
    const asked: string[] = [];
    const reachIt: Scene['reach'] = (url) => {
      asked.push(url);
      return yes();
    };
    expect((await mirrors(reachIt)).verdict).toBe('pass');
    expect(asked).toEqual([
      'http://mirror.example/debian/dists/bookworm/InRelease',
      'http://security.example/dists/bookworm-security/InRelease',
      'https://flat.example/packages/InRelease',
    ]);
  });

  test('in a list of mirrors are each tried', async () => {
    const asked: string[] = [];
    const found = await look(networkChecks, 'reach-apt', {
      reach: (url) => {
        asked.push(url);
        return yes();
      },
      commands: {
        'apt-get update --print-uris': "'mirror+file:/etc/apt/mirrors/debian.list/dists/trixie/InRelease' _etc_apt_mirrors_debian.list 0 ",
        [dump]: '',
      },
      machine: { files: { '/etc/apt/mirrors/debian.list': 'https://near.example/debian\nhttp://far.example/debian/\n' } },
    });
    expect(found.verdict).toBe('pass');
    expect(asked).toEqual(['https://near.example/debian/dists/trixie/InRelease', 'http://far.example/debian/dists/trixie/InRelease']);
  });

  test('that fail in part are a warning, all of them a failure', async () => {
    expect(await mirrors((url) => (url.includes('security') ? no() : yes()))).toMatchObject({
      verdict: 'warn',
      seen: 'not reached: security.example: ENOTFOUND',
    });
    expect((await mirrors(no)).verdict).toBe('fail');
  });

  test("are asked for through apt's own proxy", async () => {
    const used: Array<string | undefined> = [];
    const reachIt: Scene['reach'] = (_, { proxy }) => {
      used.push(proxy);
      return yes();
    };
    await mirrors(reachIt, 'Acquire::http::Proxy http://cacher.example:3142');
    expect(new Set(used)).toEqual(new Set(['http://cacher.example:3142']));
  });
});

describe('npm packages', () => {
  const config = (more: object) => ({
    commands: { 'npm config list --json': JSON.stringify({ registry: 'https://npm.example/', proxy: null, 'https-proxy': null, ...more }) },
  });

  test('are asked for where npm is told to', async () => {
    expect(await look(networkChecks, 'reach-npm', { reach: yes, ...config({}) })).toMatchObject({
      verdict: 'pass',
      seen: 'npm.example: 200 in 0.1 s',
    });
    expect(await look(networkChecks, 'reach-npm', { reach: no, ...config({}) })).toMatchObject({ verdict: 'warn' });
  });

  test("are asked for with npm's own certificate authorities, else with Node's", async () => {
    const files: Array<string | undefined> = [];
    const reachIt: Scene['reach'] = (_, { authorities }) => {
      files.push(authorities);
      return yes();
    };
    await look(networkChecks, 'reach-npm', { reach: reachIt, ...config({ cafile: '/etc/ssl/corp.pem' }) });
    await look(networkChecks, 'reach-npm', { reach: reachIt, ...config({}) });
    expect(files).toEqual(['/etc/ssl/corp.pem', undefined]);
  });

  test("go through npm's own proxy", async () => {
    const reachIt: Scene['reach'] = async (_, { proxy }) => ({ ok: true, seen: String(proxy) });
    expect(
      (await look(networkChecks, 'reach-npm', { reach: reachIt, ...config({ 'https-proxy': 'http://proxy.example:3128' }) })).seen,
    ).toContain('proxy.example:3128');
  });
});

describe("CRIU's source", () => {
  const criuSources = ['https://git.example/criu.tar.gz', 'https://git.example/criu.git'];

  const on = (id: string) =>
    look(networkChecks, 'reach-criu', { reach: no, criuSources, machine: { files: { '/etc/os-release': `ID=${id}\n` } } });

  test('out of reach is a warning only where the distribution has it too', async () => {
    expect(await on('debian')).toMatchObject({
      verdict: 'warn',
      seen: expect.stringMatching(/^not reached: git\.example: ENOTFOUND; Debian/),
    });
    expect(await on('ubuntu')).toMatchObject({ verdict: 'fail', mend: expect.stringContaining('network') });
  });

  test('that was fetched is not asked for again', async () => {
    const owners = { '/home/alice/checkout/.cache/src/criu-source': { uid: 1000, writable: true } };
    expect(await look(networkChecks, 'reach-criu', { machine: { owners }, criuSources })).toMatchObject({ verdict: 'pass' });
  });
});

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
        "apt-config dump --format $'%f %v%n' Acquire": 'Acquire::http::Proxy http://apt.example:3\nAcquire::https::Proxy DIRECT',
        "docker info --format $'{{.HTTPProxy}}|{{.HTTPSProxy}}'": 'http://engine.example:4|',
        'npm config list --json': '{"proxy":"http://npm.example:5","registry":"https://npm.example/"}',
      },
    });
    for (const host of ['env.example:1', 'client.example:2', 'apt.example:3', 'engine.example:4', 'npm.example:5'])
      expect(found.seen).toContain(host);
  });
});
