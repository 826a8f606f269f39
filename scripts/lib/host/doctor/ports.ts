import { type Check, type Finding, fail, pass, type Surroundings, type WantedPort } from './check.js';

/** States of /proc/net: a TCP socket that listens, a UDP socket that is bound (net/tcp_states.h). */
const TAKEN = { tcp: '0A', udp: '07' } as const;

const ports: Check = {
  id: 'ports',
  title: 'ports',
  quick: true,
  concerns: 'cluster',
  async look(on) {
    if (on.ports.length === 0) return pass('the cluster wants none (the API server’s is a free one)');
    const mine = await ownPorts(on);
    const names = (wanted: readonly WantedPort[]): string => wanted.map(({ port, protocol }) => `${port}/${protocol}`).join(', ');
    const taken: Array<WantedPort & { holder: string }> = [];
    for (const wanted of on.ports.filter(({ port }) => port !== 0)) {
      if (mine.has(`${wanted.port}/${wanted.protocol}`)) continue;
      const inodes = await socketsAt(on, wanted);
      if (inodes.length > 0) taken.push({ ...wanted, holder: await programWith(on, inodes) });
    }
    if (taken.length === 0) return pass(`free: ${names(on.ports)}`);
    return portsTaken(taken);
  },
};

function portsTaken(taken: ReadonlyArray<WantedPort & { holder: string }>): Finding {
  const which = taken.map(({ port, protocol, holder }) => `${port}/${protocol} by ${holder}`).join(', ');
  return fail(`taken: ${which}`, 'end what holds it, or choose another hostPort in the cluster configuration');
}

/** Ports that the cluster itself holds already, by Docker's word. */
async function ownPorts({ runner, options }: Surroundings): Promise<Set<string>> {
  const list = ['ps', '--filter', `label=io.x-k8s.kind.cluster=${options.clusterName}`, '--format', '{{.Ports}}'];
  const { stdout } = await runner.run('docker', list, { accept: true }).catch(() => ({ stdout: '' }));
  return new Set([...stdout.matchAll(/:(\d+)->\d+\/(tcp|udp)/g)].map(([, port, protocol]) => `${port}/${protocol}`));
}

/** Inodes of the sockets that stand in the way of binding a port (proc(5), /proc/net/tcp). */
async function socketsAt({ machine }: Surroundings, { port, protocol, address }: WantedPort): Promise<string[]> {
  const inodes: string[] = [];
  for (const file of [`/proc/net/${protocol}`, `/proc/net/${protocol}6`]) {
    for (const line of ((await machine.read(file)) ?? '').split('\n').slice(1)) {
      const [, local = '', , state, , , , , , inode = ''] = line.trim().split(/\s+/);
      const [where = '', number = ''] = local.split(':');
      if (state === TAKEN[protocol] && Number.parseInt(number, 16) === port && inTheWay(where, address)) inodes.push(inode);
    }
  }
  return inodes;
}

/** True when a socket at one address keeps another from being bound. @param bound as /proc/net writes it, e.g. `0100007F` */
function inTheWay(bound: string, wanted: string | undefined): boolean {
  if (/^0+$/.test(bound) || wanted === undefined || wanted === '' || wanted === '0.0.0.0' || wanted === '::') return true;
  const parts = wanted.split('.').map(Number);
  if (parts.length !== 4) return true;
  const hex = parts
    .toReversed()
    .map((part) => part.toString(16).padStart(2, '0'))
    .join('')
    .toUpperCase();
  return bound.endsWith(hex);
}

/** Who has one of these sockets open; only root sees it of other users' programs. */
async function programWith({ machine }: Surroundings, inodes: readonly string[]): Promise<string> {
  const wanted = new Set(inodes.map((inode) => `socket:[${inode}]`));
  for (const pid of (await machine.list('/proc')).filter((name) => /^\d+$/.test(name))) {
    for (const fd of await machine.list(`/proc/${pid}/fd`)) {
      if (!wanted.has((await machine.link(`/proc/${pid}/fd/${fd}`)) ?? '')) continue;
      return `${(await machine.read(`/proc/${pid}/comm`))?.trim() ?? 'a program'} (process ${pid})`;
    }
  }
  return 'another program';
}

export const portChecks: readonly Check[] = [ports];
