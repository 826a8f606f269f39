import type { Context } from '../core/context.js';

/** Settings of apt that say how it reaches its mirrors, and how old what they give may be (apt.conf(5), apt-transport-http(1)). */
const REACH = /^Acquire::(?:https?::\S+|Retries\S*|ForceIPv[46]|Check-\S+) /i;

/** Of `apt-config dump`, the lines that say how mirrors are reached: proxies, certificates, retries, checks of dates. */
export function reachSettings(dump: string): string[] {
  return dump.split('\n').filter((line) => REACH.test(line) && !/ "";$/.test(line));
}

/** How this machine's apt reaches its mirrors, as lines of an apt.conf(5). Passwords of proxies in them get into no log. */
export async function readReachSettings({ runner }: Pick<Context, 'runner'>): Promise<string[]> {
  const { stdout } = await runner.run('apt-config', ['dump', 'Acquire'], { accept: true, log: undefined, onLine: undefined });
  return reachSettings(stdout);
}
