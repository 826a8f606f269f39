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
