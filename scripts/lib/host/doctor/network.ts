import path from 'node:path';
import { withoutPassword } from '../../core/shell.js';
import { mirrorListFile, mirrorsIn } from '../apt-sources.js';
import { osReleaseField } from '../distribution.js';
import { aptProxyFor, DIRECT, environmentProxy } from '../proxies.js';
import { type Check, type Finding, fail, pass, type Surroundings, skip, warn } from './check.js';
import { npmConfig, proxiesOfApt } from './proxies.js';
import { type Reached, SYSTEM_AUTHORITIES } from './reach.js';

/** An address tried. */
interface Tried extends Reached {
  readonly url: string;
}

/** Node's words for certificates that nobody it knows has signed: where a proxy reads along (openssl-verification-options(1)). */
const CERTIFICATE = /SELF_SIGNED|UNABLE_TO_GET_ISSUER|UNABLE_TO_VERIFY/;

/** Hosts that the environment excepts from its proxies (curl(1), no_proxy). */
function goesDirect(url: string, env: NodeJS.ProcessEnv): boolean {
  const { hostname } = new URL(url);
  const except = (env['no_proxy'] || env['NO_PROXY'] || '').split(',').map((name) => name.trim().replace(/^\*?\./, ''));
  return except.some((name) => name === '*' || (name !== '' && (hostname === name || hostname.endsWith(`.${name}`))));
}

/** The environment's proxy for an address. */
function proxyFor(url: string, env: NodeJS.ProcessEnv): string | undefined {
  return goesDirect(url, env) ? undefined : environmentProxy(env, url.startsWith('https:') ? 'https' : 'http');
}

async function attempt(on: Surroundings, url: string, proxy: string | undefined): Promise<Tried> {
  return { url, ...(await on.reach(url, { proxy, authorities: SYSTEM_AUTHORITIES })) };
}

/** Hosts and outcomes, each once. */
function tell(tried: readonly Tried[]): string {
  return [...new Set(tried.map(({ url, seen }) => `${new URL(url).host}: ${seen}`))].join('; ');
}

/** What mends it, by what came of trying. */
function mendFor(tried: readonly Tried[], proxy: string | undefined, who: 'npm' | 'the system' = 'the system'): string {
  if (tried.some(({ seen }) => CERTIFICATE.test(seen)))
    return who === 'npm'
      ? 'npm config set cafile=FILE, with the certificate of the authority that the network uses'
      : 'put the certificate of the authority that the network uses into /usr/local/share/ca-certificates/NAME.crt, and run (as root): update-ca-certificates';
  return proxy === undefined
    ? 'check the network, and whether a proxy must be used (http_proxy, https_proxy)'
    : `check the proxy ${withoutPassword(proxy)}`;
}

const goItself: Check = {
  id: 'reach-go-toolchain',
  title: 'Go',
  quick: false,
  async look(on) {
    const { version } = await installedGo(on);
    if (version !== undefined && fetchesToolchains(version)) return pass(version);
    const seen = version === undefined ? 'not installed' : `${version}, too old`;
    const urls = on.goSources;
    const tried = await Promise.all(urls.map((url) => attempt(on, url, proxyFor(url, on.env))));
    if (tried.some(({ ok }) => ok)) return pass(`${seen}: set-up fetches one (${tell(tried)})`);
    return fail(
      `${seen}, and where it is fetched from is not reached: ${tell(tried)}`,
      `${mendFor(tried, proxyFor(urls[0] ?? '', on.env))}; or set GOPROXY to a Go module proxy that is reached; or install Go 1.21 or newer by hand`,
    );
  },
};

/** Go from 1.21 on fetches the compilers that the pins name by itself (https://go.dev/doc/toolchain). */
function fetchesToolchains(version: string): boolean {
  const [, major = 0, minor = 0] = (/^go(\d+)\.(\d+)/.exec(version) ?? []).map(Number);
  return major > 1 || (major === 1 && minor >= 21);
}

/** The Go on PATH, else the one that set-up has fetched: its version and its proxies. */
function installedGo({ once, runner, paths }: Surroundings): Promise<{ version: string | undefined; proxies: string | undefined }> {
  return once('go', async () => {
    for (const go of ['go', path.join(paths.cache, 'go', 'bin', 'go')]) {
      const { stdout, exitCode } = await runner
        .run(go, ['env', 'GOVERSION', 'GOPROXY'], { accept: true, env: { GOTOOLCHAIN: 'local' } })
        .catch(() => ({ stdout: '', exitCode: 1 }));
      const [version, proxies] = stdout.split('\n');
      if (exitCode === 0 && version) return { version, proxies: proxies || undefined };
    }
    return { version: undefined, proxies: undefined };
  });
}

const goProxy: Check = {
  id: 'reach-go',
  title: 'Go modules',
  quick: false,
  async look(on) {
    // From the environment, from Go's own file, or its default, which only Go can tell.
    const setting = on.env['GOPROXY'] || (await installedGo(on)).proxies;
    if (setting === undefined) return skip('Go is not installed yet, and GOPROXY is not set');
    const entries = setting.split(/[,|]/).map((entry) => entry.trim());
    if (entries[0] === 'off') return warn('GOPROXY=off: only what is in Go’s module cache can be built', 'go env -u GOPROXY');
    const urls = entries.filter((entry) => /^https?:/.test(entry));
    if (urls.length === 0) return pass(`GOPROXY is ${entries.join(',')}: no proxy is asked`);
    const tried = await Promise.all(
      urls.map((url) => {
        // A module that is pinned, so that proxies which refuse their front page are not blamed.
        const list = `${url.replace(/\/$/, '')}/sigs.k8s.io/kind/@v/list`;
        return attempt(on, list, proxyFor(list, on.env));
      }),
    );
    if (tried.some(({ ok }) => ok)) return pass(tell(tried));
    return fail(`no proxy of GOPROXY is reached: ${tell(tried)}`, `${mendFor(tried, proxyFor(urls[0] ?? '', on.env))}; go env GOPROXY`);
  },
};

const npmRegistry: Check = {
  id: 'reach-npm',
  title: 'npm packages',
  quick: false,
  async look(on) {
    const { registry, proxy, 'https-proxy': httpsProxy, cafile } = await npmConfig(on);
    if (!registry) return skip('npm does not tell its registry');
    const by = (registry.startsWith('https:') ? (httpsProxy ?? proxy) : proxy) ?? proxyFor(registry, on.env);
    const tried = [{ url: registry, ...(await on.reach(registry, { proxy: by, authorities: cafile ?? undefined })) }];
    // They are installed: this runs on them. The next ones are wanted when package-lock.json changes.
    return tried[0]?.ok === true
      ? pass(tell(tried))
      : warn(`not reached: ${tell(tried)}`, `${mendFor(tried, by, 'npm')}; npm config get registry`);
  },
};

const aptMirrors: Check = {
  id: 'reach-apt',
  title: 'apt’s mirrors',
  quick: false,
  async look(on) {
    // What a refresh of the lists would fetch, told without fetching it: known before the first refresh, and needs no lock.
    const { stdout, exitCode } = await on.runner
      .run('apt-get', ['update', '--print-uris'], { accept: true })
      .catch(() => ({ stdout: '', exitCode: 127 }));
    if (exitCode === 127) return skip('there is no apt-get');
    const releases = new Map<string, string>();
    for (const [, base = '', rest = ''] of stdout.matchAll(/^'(\S*?)((?:dists\/\S*)?InRelease)'/gm)) {
      const list = mirrorListFile(base);
      const mirrors = list === undefined ? [base] : mirrorsIn((await on.machine.read(list)) ?? '').map((uri) => uri.replace(/\/?$/, '/'));
      for (const mirror of mirrors) if (/^https?:/.test(mirror) && !releases.has(mirror)) releases.set(mirror, `${mirror}${rest}`);
    }
    if (releases.size === 0) return warn('apt has no source on the network', 'see /etc/apt/sources.list and /etc/apt/sources.list.d');
    const own = await proxiesOfApt(on);
    const proxy = (url: string): string | undefined => {
      const named = aptProxyFor(own, url);
      return named === DIRECT ? undefined : (named ?? proxyFor(url, on.env));
    };
    const tried = await Promise.all([...releases.values()].map((url) => attempt(on, url, proxy(url))));
    return judgeMirrors(tried, `${mendFor(tried, proxy(tried[0]?.url ?? ''))}; the mirrors stand in /etc/apt/sources.list.d`);
  },
};

function judgeMirrors(tried: readonly Tried[], mend: string): Finding {
  const lost = tried.filter(({ ok }) => !ok);
  if (lost.length === 0) return pass(tell(tried));
  const seen = `not reached: ${tell(lost)}`;
  return lost.length === tried.length ? fail(seen, mend) : warn(seen, mend);
}

const criuSources: Check = {
  id: 'reach-criu',
  title: 'CRIU’s source',
  quick: false,
  async look(on) {
    if ((await on.machine.ownership(path.join(on.paths.src, 'criu-source'))) !== undefined) return pass('fetched already');
    const urls = on.criuSources;
    if (urls.length === 0) return pass('comes from apt’s mirrors');
    const tried = await Promise.all(urls.map((url) => attempt(on, url, proxyFor(url, on.env))));
    if (tried.some(({ ok }) => ok)) return pass(tell(tried));
    const mend = mendFor(tried, proxyFor(urls[0] ?? '', on.env));
    const osRelease = (await on.machine.read('/etc/os-release')) ?? '';
    return osReleaseField(osRelease, 'ID') === 'debian'
      ? warn(
          `not reached: ${tell(tried)}; Debian’s source package is taken in their place`,
          `nothing, while apt’s mirrors answer; else ${mend}`,
        )
      : fail(`not reached: ${tell(tried)}; and Debian’s source package is available on Debian only`, mend);
  },
};

export const networkChecks: readonly Check[] = [goItself, goProxy, npmRegistry, aptMirrors, criuSources];
