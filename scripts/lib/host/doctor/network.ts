import path from 'node:path';
import { type Check, type Finding, fail, pass, type Surroundings, warn } from './check.js';
import { aptProxies, environmentProxy, npmConfig, withoutPassword } from './proxies.js';
import type { Reached } from './reach.js';

/** An address tried. */
interface Tried extends Reached {
  readonly url: string;
}

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
  return { url, ...(await on.reach(url, proxy)) };
}

/** Hosts and outcomes, each once. */
function tell(tried: readonly Tried[]): string {
  return [...new Set(tried.map(({ url, seen }) => `${new URL(url).host}: ${seen}`))].join('; ');
}

function through(proxy: string | undefined): string {
  return proxy === undefined
    ? 'check the network, and whether a proxy must be used (http_proxy, https_proxy)'
    : `check the proxy ${withoutPassword(proxy)}`;
}

const goProxy: Check = {
  id: 'reach-go',
  title: 'Go modules',
  quick: false,
  async look(on) {
    const setting = await goSetting(on);
    if (setting === undefined) return warn('not asked: Go is not installed yet, and GOPROXY is not set', 'npm run setup');
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
    return fail(`no proxy of GOPROXY is reached: ${tell(tried)}`, `${through(proxyFor(urls[0] ?? '', on.env))}; go env GOPROXY`);
  },
};

/** GOPROXY as Go takes it: from the environment, from its own file, or its default, which only Go can tell. */
async function goSetting({ runner, paths, env }: Surroundings): Promise<string | undefined> {
  if (env['GOPROXY']) return env['GOPROXY'];
  for (const go of ['go', path.join(paths.cache, 'go', 'bin', 'go')]) {
    const { stdout, exitCode } = await runner
      .run(go, ['env', 'GOPROXY'], { accept: true, env: { GOTOOLCHAIN: 'local' } })
      .catch(() => ({ stdout: '', exitCode: 1 }));
    if (exitCode === 0 && stdout !== '') return stdout;
  }
  return undefined;
}

const npmRegistry: Check = {
  id: 'reach-npm',
  title: 'npm packages',
  quick: false,
  async look(on) {
    const { registry, proxy, 'https-proxy': httpsProxy } = await npmConfig(on);
    if (!registry) return warn('not asked: npm does not tell its registry', 'npm config get registry');
    const by = (registry.startsWith('https:') ? (httpsProxy ?? proxy) : proxy) ?? proxyFor(registry, on.env);
    const tried = [await attempt(on, registry, by)];
    // They are installed: this runs on them. The next ones are wanted when package-lock.json changes.
    return tried[0]?.ok === true ? pass(tell(tried)) : warn(`not reached: ${tell(tried)}`, `${through(by)}; npm config get registry`);
  },
};

const aptMirrors: Check = {
  id: 'reach-apt',
  title: 'apt’s mirrors',
  quick: false,
  async look(on) {
    const format = '$(REPO_URI)|$(RELEASE)';
    const { stdout, exitCode } = await on.runner
      .run('apt-get', ['indextargets', '--format', format, 'Created-By: Packages'], { accept: true })
      .catch(() => ({ stdout: '', exitCode: 127 }));
    if (exitCode === 127) return warn('not asked: there is no apt-get');
    const releases = new Map(
      stdout.split('\n').flatMap((line) => {
        const [uri = '', release = ''] = line.split('|');
        return /^https?:/.test(uri) ? [[uri, `${uri}dists/${release}/InRelease`] as const] : [];
      }),
    );
    if (releases.size === 0) return warn('apt has no source on the network', 'see /etc/apt/sources.list and /etc/apt/sources.list.d');
    const own = await aptProxies(on);
    const proxy = (url: string): string | undefined => (url.startsWith('https:') ? own.https : own.http) ?? proxyFor(url, on.env);
    const tried = await Promise.all([...releases.values()].map((url) => attempt(on, url, proxy(url))));
    return judgeMirrors(tried, `${through(proxy(tried[0]?.url ?? ''))}; the mirrors stand in /etc/apt/sources.list.d`);
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
    return warn(
      `not reached: ${tell(tried)}; the distribution’s source package is tried after them`,
      through(proxyFor(urls[0] ?? '', on.env)),
    );
  },
};

export const networkChecks: readonly Check[] = [goProxy, npmRegistry, aptMirrors, criuSources];
