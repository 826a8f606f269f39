import { readdir, realpath } from 'node:fs/promises';
import path from 'node:path';
import type { Context } from '../lib/core/context.js';
import { readReachSettings } from '../lib/host/apt-settings.js';

/** What this machine knows about reaching the network, which a fresh machine beside it would have been told too. */
export interface MachineNetwork {
  /** Variables for the user: where npm and Go fetch from. */
  readonly env: Readonly<Record<string, string>>;
  /** Lines for apt.conf(5). */
  readonly apt: readonly string[];
  /** Certificates that were added to this machine's own (update-ca-certificates(8)), absolute paths. */
  readonly certificates: readonly string[];
}

const LOCAL_CERTIFICATES = '/usr/local/share/ca-certificates';
/** Where Debian and Ubuntu keep all certificates in one file; Node has its own list beside it. */
const CERTIFICATE_BUNDLE = '/etc/ssl/certs/ca-certificates.crt';
/** What tells Go where modules come from and whether they are checked (go help environment). */
const GO_VARIABLES = ['GOPROXY', 'GOSUMDB', 'GONOSUMDB', 'GONOPROXY', 'GOPRIVATE', 'GOINSECURE'] as const;

/** Reads how this machine reaches the network. @param proxied leaves out this machine's own proxies: the box has another one */
export async function machineNetwork(ctx: Context, { proxied }: { proxied: boolean }): Promise<MachineNetwork> {
  const registry = await firstLine(ctx, 'npm', ['config', 'get', 'registry']);
  const certificates = (await readdir(LOCAL_CERTIFICATES).catch(() => []))
    .filter((name) => name.endsWith('.crt'))
    .map((name) => path.join(LOCAL_CERTIFICATES, name));
  const env: Record<string, string> = {
    ...(registry === undefined ? {} : { npm_config_registry: registry }),
    ...(certificates.length === 0 ? {} : { NODE_EXTRA_CA_CERTS: CERTIFICATE_BUNDLE }),
    ...(proxied ? {} : proxiesOf(ctx.env)),
  };
  for (const name of GO_VARIABLES) {
    const value = await firstLine(ctx, 'go', ['env', name]);
    if (value !== undefined) env[name] = value;
  }
  const apt = (await readReachSettings(ctx)).filter((line) => !proxied || !/::Proxy/i.test(line));
  return { env, apt, certificates };
}

/** Go's caches on this machine; undefined where it has no Go. */
export async function goCaches(ctx: Context): Promise<{ modules: string; builds: string } | undefined> {
  const [modules, builds] = [await firstLine(ctx, 'go', ['env', 'GOMODCACHE']), await firstLine(ctx, 'go', ['env', 'GOCACHE'])];
  return modules === undefined || builds === undefined ? undefined : { modules, builds };
}

/** The Node of this machine, as a tarball install holds it: the program, and the folder of npm. */
export async function hostNode(ctx: Context): Promise<{ node: string; npm: string }> {
  const { stdout } = await ctx.runner.run('sh', ['-c', 'command -v npm'], { failure: 'there is no npm on PATH' });
  // …/lib/node_modules/npm/bin/npm-cli.js
  const npm = path.dirname(path.dirname(await realpath(stdout)));
  return { node: process.execPath, npm };
}

function proxiesOf(env: NodeJS.ProcessEnv): Record<string, string> {
  const names = ['http_proxy', 'https_proxy', 'no_proxy'].flatMap((name) => [name, name.toUpperCase()]);
  return Object.fromEntries(names.flatMap((name) => (env[name] ? [[name, env[name] as string]] : [])));
}

async function firstLine(ctx: Context, file: string, args: readonly string[]): Promise<string | undefined> {
  const { stdout, exitCode } = await ctx.runner.run(file, args, { accept: true }).catch(() => ({ stdout: '', exitCode: 1 }));
  return exitCode === 0 && stdout !== '' && stdout !== 'undefined' ? stdout : undefined;
}
