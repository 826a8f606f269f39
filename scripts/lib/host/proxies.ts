import type { Context } from '../core/context.js';
import { withoutPassword } from '../core/shell.js';

/** Variables that name proxies, as curl(1) and apt-transport-http(1) read them. */
const NAMES = ['http_proxy', 'https_proxy', 'no_proxy', 'all_proxy'] as const;

/**
 * The proxies of an environment as words for env(1): sudo keeps no variables. Names in capitals are taken too, for apt and curl read
 * `http_proxy` in small letters only.
 */
export function proxyWords(env: NodeJS.ProcessEnv): string[] {
  return NAMES.flatMap((name) => {
    const value = env[name] || env[name.toUpperCase()];
    return value === undefined || value === '' ? [] : [`${name}=${value}`];
  });
}

/** The proxy of the environment for a scheme, as curl(1) and Go take it. */
export function environmentProxy(env: NodeJS.ProcessEnv, scheme: 'http' | 'https'): string | undefined {
  const name = `${scheme}_proxy`;
  return env[name] || env[name.toUpperCase()] || env['all_proxy'] || env['ALL_PROXY'] || undefined;
}

/** The proxy of the environment, for messages. */
export function shownProxy(env: NodeJS.ProcessEnv): string | undefined {
  const proxy = environmentProxy(env, 'http') ?? environmentProxy(env, 'https');
  return proxy === undefined ? undefined : withoutPassword(proxy);
}

/** Apt's word for: without a proxy, whatever the environment says. */
export const DIRECT = 'DIRECT';

/** Proxies that apt's own configuration names: addresses, or {@link DIRECT}; where it names none, apt takes those of the environment. */
export interface AptProxies {
  readonly http: string | undefined;
  /** As apt has it: what is set for http holds for https too, unless that has its own. */
  readonly https: string | undefined;
  /** What holds for single hosts, before the others. */
  readonly hosts: ReadonlyArray<{ readonly scheme: string; readonly host: string; readonly proxy: string }>;
}

/** Reads which proxies apt is set to (apt-transport-http(1)); none where there is no apt. Passwords in them get into no log. */
export async function aptProxies({ runner }: Pick<Context, 'runner'>): Promise<AptProxies> {
  const { stdout } = await runner
    .run('apt-config', ['dump', 'Acquire'], { accept: true, log: undefined, onLine: undefined })
    .catch(() => ({ stdout: '' }));
  const set = [...stdout.matchAll(/^Acquire::(https?)::Proxy(?:::(\S+))? "(.+)";$/gim)].map(([, scheme = '', host, proxy = '']) => ({
    scheme: scheme.toLowerCase(),
    host,
    proxy,
  }));
  const of = (scheme: string): string | undefined => set.findLast((entry) => entry.scheme === scheme && entry.host === undefined)?.proxy;
  return {
    http: of('http'),
    https: of('https') ?? of('http'),
    hosts: set.flatMap(({ scheme, host, proxy }) => (host === undefined ? [] : [{ scheme, host, proxy }])),
  };
}

/** The proxy by which apt asks for an address: one of its own, {@link DIRECT}, or undefined for that of the environment. */
export function aptProxyFor({ http, https, hosts }: AptProxies, url: string): string | undefined {
  const { protocol, hostname } = new URL(url);
  const own = hosts.filter(({ host }) => host === hostname);
  const of = (scheme: string): string | undefined => own.find((entry) => entry.scheme === scheme)?.proxy;
  return protocol === 'https:' ? (of('https') ?? of('http') ?? https) : (of('http') ?? http);
}
