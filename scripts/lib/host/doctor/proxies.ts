import path from 'node:path';
import * as z from 'zod';
import { withoutPassword } from '../../core/shell.js';
import { type AptProxies, aptProxies, DIRECT, environmentProxy } from '../proxies.js';
import { type Check, type Finding, pass, type Surroundings, warn } from './check.js';

/** Who is told of which proxy; addresses without passwords. */
export interface ProxyUse {
  /** The variables of the environment, apt, Docker's engine, Docker's client, npm. */
  readonly who: string;
  /** Proxy for plain HTTP and for HTTPS; undefined where it is told of none. */
  readonly http: string | undefined;
  readonly https: string | undefined;
  /** How to tell it of a proxy. */
  readonly set: (proxy: string) => string;
}

/** Docker's client hands these to builds and containers (https://docs.docker.com/engine/cli/proxy/). */
const dockerConfig = z.object({
  proxies: z.object({ default: z.object({ httpProxy: z.string(), httpsProxy: z.string() }).partial().optional() }).optional(),
});

const proxies: Check = {
  id: 'proxies',
  title: 'proxies',
  quick: false,
  async look(on) {
    return judgeProxies(await Promise.all([environment(on), apt(on), dockerEngine(on), dockerClient(on), npm(on)]));
  },
};

async function environment({ env }: Surroundings): Promise<ProxyUse> {
  return {
    who: 'the environment',
    http: environmentProxy(env, 'http'),
    https: environmentProxy(env, 'https'),
    set: (proxy) => `export http_proxy=${proxy} https_proxy=${proxy}`,
  };
}

async function apt(on: Surroundings): Promise<ProxyUse> {
  const { http, https } = await proxiesOfApt(on);
  return {
    who: 'apt',
    http: http === DIRECT ? undefined : http,
    https: https === DIRECT ? undefined : https,
    set: (proxy) => `echo 'Acquire::http::Proxy "${proxy}";' | sudo tee /etc/apt/apt.conf.d/90proxy`,
  };
}

/** What apt's own configuration says, asked once. */
export function proxiesOfApt(on: Surroundings): Promise<AptProxies> {
  return on.once('apt proxies', () => aptProxies(on));
}

async function dockerEngine({ runner }: Surroundings): Promise<ProxyUse> {
  const { stdout, exitCode } = await runner
    .run('docker', ['info', '--format', '{{.HTTPProxy}}|{{.HTTPSProxy}}'], { accept: true })
    .catch(() => ({ stdout: '', exitCode: 1 }));
  const [http, https] = exitCode === 0 ? stdout.split('|') : [];
  // Images are never pulled here, so what the engine itself lacks is told only where it has something else.
  return { who: 'Docker’s engine', http: http || undefined, https: https || undefined, set: () => '' };
}

async function dockerClient({ env, machine }: Surroundings): Promise<ProxyUse> {
  const file = path.join(env['DOCKER_CONFIG'] || path.join(machine.home, '.docker'), 'config.json');
  const parsed = dockerConfig.safeParse(JSON.parse((await machine.read(file)) || '{}'));
  const found = parsed.success ? parsed.data.proxies?.default : undefined;
  return {
    who: 'Docker’s client, for builds',
    http: found?.httpProxy || undefined,
    https: found?.httpsProxy || undefined,
    set: (proxy) => `in ${file}: {"proxies": {"default": {"httpProxy": "${proxy}", "httpsProxy": "${proxy}"}}}`,
  };
}

async function npm(on: Surroundings): Promise<ProxyUse> {
  const { proxy, 'https-proxy': httpsProxy } = await npmConfig(on);
  return {
    who: 'npm',
    http: proxy ?? undefined,
    https: httpsProxy ?? proxy ?? undefined,
    set: (address) => `npm config set proxy=${address} https-proxy=${address}`,
  };
}

const npmSchema = z.object({
  registry: z.string().nullish(),
  proxy: z.string().nullish(),
  'https-proxy': z.string().nullish(),
  cafile: z.string().nullish(),
});

/** What npm is configured with, all files and variables together. */
export function npmConfig(on: Surroundings): Promise<z.infer<typeof npmSchema>> {
  return on.once('npm config', async () => {
    const { stdout } = await on.runner.run('npm', ['config', 'list', '--json'], {});
    const found = z.looseObject({}).parse(JSON.parse(stdout));
    return npmSchema.parse(
      Object.fromEntries(Object.keys(npmSchema.shape).map((name) => [name, typeof found[name] === 'string' ? found[name] : null])),
    );
  });
}

/** Says whether all who use proxies were told of the same, and whether containers can reach it. */
export function judgeProxies(uses: readonly ProxyUse[]): Finding {
  const told = uses.flatMap(({ who, http, https }) => {
    const addresses = [...new Set([http, https].filter((proxy) => proxy !== undefined).map(withoutPassword))];
    return addresses.length === 0 ? [] : [{ who, addresses }];
  });
  if (told.length === 0) return pass('none');
  const seen = told.map(({ who, addresses }) => `${who}: ${addresses.join(' and ')}`).join('; ');
  const all = uses.flatMap(({ http, https }) => [http, https]).filter((proxy) => proxy !== undefined);
  const loopback = all.find(isLoopback);
  if (loopback !== undefined)
    return warn(
      `${seen}: ${withoutPassword(loopback)} is this machine’s loopback, which containers and builds cannot reach`,
      'have the proxy listen on the address of the bridge docker0 too, and name that address everywhere',
    );
  const unlike = uses.filter(({ http, https }) => differs(http, uses[0]?.http) || differs(https, uses[0]?.https));
  if (unlike.length > 0) return warn(`${seen}: they do not agree`, 'give all of them the same proxy');
  const without = uses.filter(({ who, http, https }) => NEEDED.has(who) && http === undefined && https === undefined);
  const [first] = all;
  // sudo drops the environment's, so apt is told by the toolkit; the rest reads the environment.
  if (without.length > 0 && first !== undefined)
    return warn(
      `${seen}; not told: ${without.map(({ who }) => who).join(', ')}`,
      without.map(({ set }) => set(withoutPassword(first))).join('\n'),
    );
  return pass(seen);
}

/** Who does not take the environment's proxies by itself; and the environment, which Go, git and curl need. */
const NEEDED = new Set(['the environment', 'Docker’s client, for builds']);

function differs(one: string | undefined, other: string | undefined): boolean {
  return one !== undefined && other !== undefined && normal(one) !== normal(other);
}

function normal(proxy: string): string {
  return proxy.replace(/\/+$/, '').replace(/^(?!\w+:\/\/)/, 'http://');
}

function isLoopback(proxy: string): boolean {
  return /^(\w+:\/\/)?([^@/]*@)?(localhost|127\.[\d.]+|\[::1\])(:|\/|$)/i.test(proxy);
}

export const proxyChecks: readonly Check[] = [proxies];
