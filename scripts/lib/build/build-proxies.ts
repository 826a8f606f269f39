import type { Context } from '../core/context.js';
import { aptProxies, DIRECT } from '../host/proxies.js';

/** The proxies that a build of an image must use. */
export interface BuildProxies {
  /** By the names that BuildKit hands to every RUN of itself, without keeping them in the image or its history. */
  readonly variables: Readonly<Record<string, string>>;
  /** True when one of them is on this machine itself, where only the host's network reaches it. */
  readonly onThisMachine: boolean;
}

const SCHEMES = ['http', 'https'] as const;

/**
 * The proxies by which apt gets its packages inside a build: those of this machine's apt, where it has some of its own, else those of
 * the environment.
 * @see apt-transport-http(1); https://docs.docker.com/build/building/variables/#proxy-arguments
 */
export async function buildProxies({ runner, env }: Pick<Context, 'runner' | 'env'>): Promise<BuildProxies> {
  const apt = await aptProxies({ runner });
  const variables: Record<string, string> = {};
  const set = (name: string, value: string | undefined): void => {
    if (value !== undefined && value !== '') variables[name] = value;
  };
  for (const scheme of SCHEMES) {
    const own = apt[scheme];
    if (own !== DIRECT) set(`${scheme}_proxy`, own ?? fromEnvironment(env, `${scheme}_proxy`));
  }
  const direct = apt.hosts.filter(({ proxy }) => proxy === DIRECT).map(({ host }) => host);
  set('no_proxy', [...new Set([fromEnvironment(env, 'no_proxy'), ...direct])].filter(Boolean).join(','));
  const proxies = SCHEMES.flatMap((scheme) => variables[`${scheme}_proxy`] ?? []);
  return proxies.length === 0 ? { variables: {}, onThisMachine: false } : { variables, onThisMachine: proxies.some(isOnThisMachine) };
}

function fromEnvironment(env: NodeJS.ProcessEnv, name: string): string | undefined {
  return env[name] || env[name.toUpperCase()] || undefined;
}

/** True for a proxy that listens on the loopback interface: a build has another one. */
function isOnThisMachine(proxy: string): boolean {
  // Without a scheme it is one for HTTP, as curl(1) has it.
  const address = /^[a-z]\w*:\/\//i.test(proxy) ? proxy : `http://${proxy}`;
  const host = URL.canParse(address) ? new URL(address).hostname : '';
  return /^(localhost|.*\.localhost|127\.[\d.]+|\[::1\]|0\.0\.0\.0)$/.test(host);
}
