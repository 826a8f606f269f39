import { describe, expect, test } from 'vitest';
import { networkChecks } from '../../../../scripts/lib/host/doctor/network.js';
import { look, type Scene } from '../../../support/machine.js';

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
  const dump = 'apt-config dump Acquire';
  const mirrors = (reachIt: Scene['reach'], config = '', env: NodeJS.ProcessEnv = {}) =>
    look(networkChecks, 'reach-apt', {
      env,
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
    await mirrors(reachIt, 'Acquire::http::Proxy "http://cacher.example:3142";');
    expect(new Set(used)).toEqual(new Set(['http://cacher.example:3142']));
  });

  test('are asked for without a proxy where apt is told so, for all hosts or for one, whatever the environment says', async () => {
    const used = new Map<string, string | undefined>();
    const reachIt: Scene['reach'] = (url, { proxy }) => {
      used.set(new URL(url).host, proxy);
      return yes();
    };
    const env = { http_proxy: 'http://env.example:1', https_proxy: 'http://env.example:1' };
    await mirrors(
      reachIt,
      'Acquire::http::Proxy::security.example "DIRECT";\nAcquire::http::Proxy::flat.example "http://near.example:2";',
      env,
    );
    expect(Object.fromEntries(used)).toEqual({
      'mirror.example': 'http://env.example:1',
      'security.example': undefined,
      'flat.example': 'http://near.example:2',
    });
    await mirrors(reachIt, 'Acquire::http::Proxy "DIRECT";\nAcquire::https::Proxy "http://tls.example:3";', env);
    expect(Object.fromEntries(used)).toEqual({
      'mirror.example': undefined,
      'security.example': undefined,
      'flat.example': 'http://tls.example:3',
    });
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
