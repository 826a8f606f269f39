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

/** The proxy for plain HTTP, without the password that its address may hold, for messages. */
export function shownProxy(env: NodeJS.ProcessEnv): string | undefined {
  const proxy = env['http_proxy'] || env['HTTP_PROXY'] || env['https_proxy'] || env['HTTPS_PROXY'];
  return proxy === undefined || proxy === '' ? undefined : proxy.replace(/(:\/\/[^:@/]*):[^@/]*@/, '$1:…@');
}
