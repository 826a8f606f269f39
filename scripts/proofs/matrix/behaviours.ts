import { expectSame, ToolkitError } from '../../lib/core/errors.js';
import { readCount } from '../../workloads/counter.js';
import { inPod, logBegan } from '../restore/pods.js';
import { container, killProcess, MAIN } from '../restore/proof.js';
import { checkpointed, counting, moved, podsOf, restored, started, type World } from './world.js';

/** Something that may survive a restore, or not. */
export interface Behaviour {
  /** Part of the names of its pods. */
  readonly id: string;
  /** What survives or happens, for the table. */
  readonly title: string;
  /** Pods beside the two that every behaviour may have. */
  readonly pods?: readonly string[];
  /** Tries it on a cluster. @throws when it does not hold */
  prove(world: World): Promise<void>;
}

/** Expects what a script prints in the restored pod. */
async function seen({ ctx }: World, id: string, script: string, expected: string): Promise<void> {
  expectSame(await inPod(ctx, podsOf(id).restored, script), expected, script);
}

/** A behaviour whose container runs a script before it counts, and prints something afterwards where it was restored. */
function survives(id: string, title: string, { script = '', look, expected, more, spec }: Probe): Behaviour {
  return {
    id,
    title,
    async prove(world) {
      await moved(world, id, counting(world, id, script, more, spec));
      await seen(world, id, look, expected);
    },
  };
}

interface Probe {
  readonly script?: string;
  readonly look: string;
  readonly expected: string;
  readonly more?: Record<string, unknown>;
  readonly spec?: Record<string, unknown>;
}

const volume = (emptyDir: Record<string, unknown>): Pick<Probe, 'more' | 'spec'> => ({
  more: { volumeMounts: [{ name: 'data', mountPath: '/data' }] },
  spec: { volumes: [{ name: 'data', emptyDir }] },
});

/** Writes every 0.1 s into a file that it keeps open. */
const writing = (file: string): string => `(exec 3>>${file}; n=0; while :; do echo $n >&3; n=$((n+1)); sleep 0.1; done) &`;

/** A file that a process kept open over a restore: every number is in it, and more come. */
const openFile = (id: string, title: string, file: string, volumes: Pick<Probe, 'more' | 'spec'> = {}): Behaviour => ({
  id,
  title,
  async prove(world) {
    const { restored: name } = podsOf(id);
    await moved(world, id, counting(world, id, writing(file), volumes.more, volumes.spec));
    const count = async () => readCount(await inPod(world.ctx, name, `cat ${file}`));
    const before = await count();
    expectSame(before.first, 0, `first number in ${file}`);
    await world.ctx.clock.sleep(1000, world.ctx.signal);
    expectSame((await count()).last > before.last, true, `whether ${file} grows`);
  },
});

const CONNECTIONS = 'netstat -tn | grep -c ESTABLISHED || true';
const LISTENER = 'mkdir -p /www; echo served >/www/index.html; httpd -p 8080 -h /www; sleep 1';

/** What is tried, in the order of the table. */
export const behaviours: readonly Behaviour[] = [
  {
    id: 'count',
    title: 'a process goes on, with its memory, and no number is lost or repeated',
    prove: (world) => moved(world, 'count', counting(world, 'count')),
  },
  {
    id: 'twice',
    title: 'two pods start from one checkpoint',
    pods: ['twice-third'],
    async prove(world) {
      const source = await started(world, counting(world, 'twice'));
      const made = await checkpointed(world, source.metadata.name);
      for (const name of [podsOf('twice').restored, 'twice-third']) await restored(world, source, name, made);
    },
  },
  {
    id: 'again',
    title: 'a restored container is checkpointed and restored again',
    pods: ['again-third'],
    async prove(world) {
      const source = counting(world, 'again');
      await moved(world, 'again', source);
      const { restored: name } = podsOf('again');
      await restored(world, source, 'again-third', await checkpointed({ ...world, from: world.to }, name), 2);
    },
  },
  survives('rootfs', 'changes of the root file system, with modes and deletions', {
    script: 'echo changed >/changed; chmod 604 /changed; rm /bin/ls',
    look: 'stat -c %a /changed; cat /changed; test -e /bin/ls || echo gone',
    expected: '604\nchanged\ngone',
  }),
  openFile('file', 'an open file of the root file system', '/log'),
  openFile('disk', 'an emptyDir on disk, with an open file', '/data/log', volume({})),
  openFile('memory', 'an emptyDir in memory, with an open file', '/data/log', volume({ medium: 'Memory' })),
  openFile('shm', '/dev/shm, with an open file', '/dev/shm/log'),
  survives('listener', 'a listening socket: it serves afterwards', {
    script: LISTENER,
    look: 'wget -qO- http://127.0.0.1:8080/index.html',
    expected: 'served',
  }),
  {
    id: 'connected',
    title: 'a process with an open connection to itself can be checkpointed and restored',
    async prove(world) {
      const script = `${LISTENER}; (sleep 1000 | nc 127.0.0.1 8080 >/dev/null) & sleep 1`;
      await started(world, counting(world, 'connected', script));
      expectSame(await inPod(world.ctx, podsOf('connected').old, CONNECTIONS), '2', 'ends of connections before');
      const source = counting(world, 'connected', script);
      await restored(world, source, podsOf('connected').restored, await checkpointed(world, source.metadata.name));
    },
  },
  survives('tty', 'a terminal', {
    look: 'test -t 0 </proc/1/fd/0 && echo terminal',
    expected: 'terminal',
    more: { tty: true, stdin: true },
  }),
  {
    id: 'containers',
    title: 'two containers of a pod, each from its own',
    async prove(world) {
      const one = counting(world, 'containers');
      const [main] = one.spec.containers as ReadonlyArray<Record<string, unknown>>;
      const source = { ...one, spec: { ...one.spec, containers: [main, { ...main, name: 'second' }] } };
      await moved(world, 'containers', source, [MAIN, 'second']);
    },
  },
  {
    id: 'ends',
    title: 'when the process ends later, the container starts from its image (else it goes back to the checkpoint)',
    async prove(world) {
      await moved(world, 'ends', counting(world, 'ends'));
      const { restored: name } = podsOf('ends');
      const killed = await killProcess(world.ctx, name);
      if ((await logBegan(world.ctx, name, MAIN)) < killed) throw new ToolkitError('it goes back to the checkpoint');
    },
  },
  {
    id: 'image',
    title: 'the pod tells its true image',
    async prove(world) {
      await moved(world, 'image', counting(world, 'image'));
      const { old, restored: name } = podsOf('image');
      expectSame((await container(world.ctx, name)).image, (await container(world.ctx, old)).image, 'image');
    },
  },
];
