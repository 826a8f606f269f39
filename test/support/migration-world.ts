import { type MigrationRequest, type Moved, migratePod, type NotMoved } from '../../scripts/checkpoint/migrate/course.js';
import type { Surroundings } from '../../scripts/checkpoint/migrate/surroundings.js';
import type { HttpAnswer } from '../../scripts/lib/cluster/kubelet.js';
import type { Send } from '../../scripts/lib/kube/core.js';
import { type TestContext, testContext } from './context.js';
import { apiError, fakeKube } from './kube.js';

type Labels = Record<string, string | null>;
interface Pod {
  metadata: { name: string; namespace: string; uid: string; labels: Record<string, string>; annotations: Record<string, string> } & Record<
    string,
    unknown
  >;
  spec: { nodeName: string; containers: Array<{ name: string }> };
  phase: string;
  /** Whether each of its containers runs, by name. */
  runs: Record<string, 'no' | 'waits' | 'runs' | 'paused'>;
  /** Under what each was handed over. */
  handedOver: Record<string, string>;
}
interface Claim {
  state: string;
  podUID?: string;
  error?: string;
  [time: string]: string | undefined;
}

const FOLDER = '/var/lib/kubelet/checkpoints/';
const AWAIT = 'await.checkpoint.containerd.io/';
const RESTORE = 'restore.checkpoint.containerd.io/';

/** What goes wrong in a world. */
export interface Trouble {
  /** The target's runtime cannot restore this container. */
  readonly fails?: string;
  /** The target's kubelet turns the pod away. */
  readonly turnsAway?: boolean;
  /** The target's runtime takes what it waits for, and gets no further. */
  readonly hangs?: boolean;
  /** The dump of this container fails. */
  readonly dumpFails?: string;
  /** The API learns so much later than others that the target runs, milliseconds. */
  readonly toldLateMs?: number;
}

/** Two nodes with a folder that both see, pods, and runtimes that do as ours do. Checks at each step that no container runs twice. */
export class MigrationWorld {
  readonly pods = new Map<string, Pod>();
  readonly archives = new Set<string>();
  readonly claims = new Map<string, Claim>();
  /** Off: nothing on the target's node runs any more. */
  targetNode: 'up' | 'off' = 'up';
  /** How many calls there were. */
  calls = 0;
  /** What was seen that must not be. */
  readonly wrong: string[] = [];
  private uids = 0;
  private runsSince: number | undefined;
  readonly ctx: TestContext = testContext();

  constructor(
    readonly containers: readonly string[] = ['main'],
    private readonly trouble: Trouble = {},
    owner?: string,
  ) {
    const pod = this.newPod('web', 'node-1', containers);
    pod.metadata.labels = { app: 'web' };
    if (owner !== undefined) pod.metadata['ownerReferences'] = [{ kind: owner, name: 'web', controller: true }];
    pod.phase = 'Running';
    for (const name of containers) pod.runs[name] = 'runs';
    this.ctx.clock.whileAsleep = () => this.step();
  }

  private newPod(name: string, node: string, containers: readonly string[]): Pod {
    const uid = `uid-${++this.uids}-0123`;
    const pod: Pod = {
      metadata: { name, namespace: 'shop', uid, labels: {}, annotations: {} },
      spec: { nodeName: node, containers: containers.map((one) => ({ name: one })) },
      phase: 'Pending',
      runs: Object.fromEntries(containers.map((one) => [one, 'no'])),
      handedOver: {},
    };
    this.pods.set(name, pod);
    return pod;
  }

  /** A pod of somebody else's. */
  addOther(name: string): void {
    this.newPod(name, 'node-3', []);
  }

  /** The pod that takes over, while there is one. */
  get target(): Pod | undefined {
    return [...this.pods.values()].find(({ spec }) => spec.nodeName === 'node-2');
  }

  get source(): Pod | undefined {
    return this.pods.get('web');
  }

  /** Where each container runs. */
  whereRuns(container: string): string[] {
    return [...this.pods.values()].filter(({ runs }) => runs[container] === 'runs').map(({ spec }) => spec.nodeName);
  }

  /** The runtimes get on by one thing. */
  step(): void {
    const pod = this.target;
    if (pod !== undefined && this.targetNode === 'up') this.stepTarget(pod);
    for (const name of this.containers) if (this.whereRuns(name).length > 1) this.wrong.push(`${name} runs twice`);
  }

  private stepTarget(pod: Pod): void {
    if (this.trouble.turnsAway) pod.phase = 'Failed';
    if (pod.phase === 'Failed') return;
    // One after the other, as the kubelet starts them.
    const next = this.containers.find((name) => pod.runs[name] !== 'runs');
    if (next === undefined) {
      pod.phase = 'Running';
      return;
    }
    const archive = pod.metadata.annotations[RESTORE + next];
    if (archive === undefined || pod.metadata.annotations[AWAIT + next] !== 'true') return;
    const claim = this.claims.get(archive);
    if (pod.runs[next] === 'no') pod.runs[next] = 'waits';
    else if (claim === undefined && this.archives.has(archive)) this.claims.set(archive, { state: 'taken', podUID: pod.metadata.uid });
    else if (claim?.state === 'taken' && claim.podUID === pod.metadata.uid && !this.trouble.hangs) this.restore(pod, next, archive, claim);
  }

  private restore(pod: Pod, container: string, archive: string, claim: Claim): void {
    if (this.trouble.fails === container) {
      this.claims.set(archive, { ...claim, state: 'failed', error: 'no room' });
      return;
    }
    pod.runs[container] = 'runs';
    this.archives.delete(archive);
    const times = { pausedAt: '2026-01-02T12:00:00.1Z', dumpedAt: '2026-01-02T12:00:00.2Z', takenAt: '2026-01-02T12:00:00.205Z' };
    this.claims.set(archive, { ...claim, ...times, state: 'restored', restoredAt: '2026-01-02T12:00:00.35Z' });
  }

  /** Ends what runs on the target's node. */
  turnOff(): void {
    this.targetNode = 'off';
    const pod = this.target;
    if (pod !== undefined) for (const name of this.containers) pod.runs[name] = 'no';
  }

  /** As the kubelet, the API server and containerd answer to handovers. */
  private readonly ask: Send = async (_method, route, { query = {} }) => {
    const pod = this.pods.get(route.split('/').at(-2) ?? '');
    const { container = '', name, resume, force } = query;
    if (pod === undefined) return { status: 404, body: 'not found' };
    if (resume !== undefined) return this.takeBack(pod, container, resume, force === 'true');
    if (this.trouble.dumpFails === container) return { status: 500, body: 'no space left on device' };
    const archive = name ?? '';
    pod.runs[container] = 'paused';
    pod.handedOver[container] = archive;
    this.archives.add(archive);
    return { status: 200, body: JSON.stringify({ items: [FOLDER + archive] }) };
  };

  private takeBack(pod: Pod, container: string, archive: string, force: boolean): HttpAnswer {
    if (pod.handedOver[container] !== archive) return { status: 200, body: '{}' };
    const claim = this.claims.get(archive);
    if (claim !== undefined && !['cancelled', 'failed'].includes(claim.state) && !force)
      return { status: 500, body: `container stays paused: ${archive} was taken by pod x (${claim.state})` };
    pod.runs[container] = 'runs';
    delete pod.handedOver[container];
    this.archives.delete(archive);
    this.claims.delete(archive);
    return { status: 200, body: '{}' };
  }

  /** Whether the API tells that a pod of the target's node runs. */
  private isTold(pod: Pod): boolean {
    if (pod.spec.nodeName === 'node-1') return true;
    this.runsSince ??= Object.values(pod.runs).includes('runs') ? this.ctx.clock.now() : undefined;
    return this.runsSince !== undefined && this.ctx.clock.now() >= this.runsSince + (this.trouble.toldLateMs ?? 0);
  }

  private asObject(pod: Pod): object {
    const statuses = Object.entries(pod.runs).map(([name, state]) => ({
      name,
      image: 'web',
      restartCount: 0,
      containerID: `containerd://${name}-0123456789abcdef0123`,
      state: (state === 'runs' || state === 'paused') && this.isTold(pod) ? { running: {} } : { waiting: { reason: 'ContainerCreating' } },
    }));
    const conditions = [{ type: 'Ready', status: pod.phase === 'Running' ? 'True' : 'False' }];
    return structuredClone({
      metadata: pod.metadata,
      spec: pod.spec,
      status: { phase: pod.phase, conditions, containerStatuses: statuses },
    });
  }

  private readonly core = {
    readNamespacedPod: async ({ name }: { name: string }) => {
      const pod = this.pods.get(name);
      if (pod === undefined) throw apiError(404, 'not found');
      return this.asObject(pod);
    },
    listNamespacedPod: async ({ labelSelector }: { labelSelector: string }) => ({
      items: [...this.pods.values()]
        .filter(({ metadata }) => metadata.labels[labelSelector] !== undefined)
        .map((pod) => this.asObject(pod)),
    }),
    createNamespacedPod: async ({ body }: { body: { metadata: Pod['metadata']; spec: Pod['spec'] } }) => {
      if (this.pods.has(body.metadata.name)) throw apiError(409, 'already exists');
      const pod = this.newPod(body.metadata.name, body.spec.nodeName, this.containers);
      Object.assign(pod.metadata, { labels: { ...body.metadata.labels }, annotations: { ...body.metadata.annotations } });
    },
    patchNamespacedPod: async ({ name, body }: { name: string; body: { metadata: { labels?: Labels; annotations?: Labels } } }) => {
      const pod = this.pods.get(name);
      if (pod === undefined) throw apiError(404, 'not found');
      merge(pod.metadata.labels, body.metadata.labels ?? {});
      merge(pod.metadata.annotations, body.metadata.annotations ?? {});
      // The ReplicaSet adopts.
      const owner = this.source?.metadata['ownerReferences'];
      if (pod.metadata.labels['app'] === 'web' && owner !== undefined) pod.metadata['ownerReferences'] = owner;
    },
    deleteNamespacedPod: async ({ name, uid, gracePeriodSeconds }: { name: string; uid?: string; gracePeriodSeconds: number }) => {
      const pod = this.pods.get(name);
      if (pod === undefined) throw apiError(404, 'not found');
      if (pod.metadata.uid !== uid) throw apiError(409, 'another UID');
      // A kubelet that is off lets nothing go.
      if (gracePeriodSeconds === 0 || this.targetNode === 'up') this.pods.delete(name);
    },
    readNode: async ({ name }: { name: string }) => ({
      metadata: { name },
      status: { conditions: [{ type: 'Ready', status: name === 'node-2' && this.targetNode === 'off' ? 'Unknown' : 'True' }] },
    }),
    createSelfSubjectAccessReview: async () => ({ status: { allowed: true } }),
    listNamespacedEvent: async () => ({ items: [] }),
  };

  private runScript(command: readonly string[]): string {
    const [, , text = '', , , ...args] = command;
    if (text.includes('shared/id')) return 'f00d';
    if (text.includes('waits()')) return '';
    if (text.includes('rm -rf')) {
      for (const name of args) {
        this.archives.delete(name);
        this.claims.delete(name);
      }
      return '';
    }
    if (text.includes('echo waiting')) return this.target?.runs[this.containers[0] ?? ''] === 'waits' ? 'waiting' : '';
    const names = args.slice(1);
    // As long as it would wait.
    for (let round = 0; round < 5 && args[0] !== '0'; round++) this.step();
    this.ctx.clock.pass(Number(args[0]) * 50);
    return names.flatMap((name) => (this.claims.has(name) ? [`${name}\t${JSON.stringify(this.claims.get(name))}`] : [])).join('\n');
  }

  /** A command's view of it. @param killedAt the call at which the command is killed: it has no effect any more */
  private around(killedAt: number): Surroundings {
    let made = 0;
    // A killed command does nothing more; what it asked for last may have happened or not: here it has not.
    const living =
      <A extends readonly unknown[], R>(act: (...args: A) => Promise<R>): ((...args: A) => Promise<R>) =>
      async (...args: A) => {
        if (++made > killedAt) throw new Killed();
        this.calls = made;
        this.step();
        return act(...args);
      };
    const core = Object.fromEntries(
      Object.entries(this.core).map(([name, call]) => [name, living(call as (...args: never[]) => Promise<unknown>)]),
    );
    const kube = fakeKube(core, { ask: living(this.ask) });
    return {
      ctx: this.ctx,
      kube,
      route: { kind: 'api', kube },
      folder: async (node) => ({
        node,
        run: living(async (command: readonly string[]) => {
          if (node === 'node-2' && this.targetNode === 'off') throw new Error('no such container');
          return this.runScript(command);
        }),
      }),
      isStopped: living(async (node: string) => node === 'node-2' && this.targetNode === 'off'),
      processesOf: living(async () => []),
      carry: living(async () => undefined),
    };
  }

  /** Commands a migration, as often as one calls this. */
  migrate(request: Partial<MigrationRequest> = {}, killedAt = Number.POSITIVE_INFINITY): Promise<Moved | NotMoved> {
    const asked = {
      namespace: 'shop',
      pod: 'web',
      to: 'node-2',
      name: undefined,
      timeoutSeconds: 60,
      force: false,
      takeOver: false,
      by: 'here/1',
    };
    return migratePod(this.around(killedAt), { ...asked, ...request });
  }
}

/** The command was killed: nothing puts anything right. */
export class Killed extends Error {}

function merge(into: Record<string, string>, change: Labels): void {
  for (const [name, value] of Object.entries(change)) {
    if (value === null) delete into[name];
    else into[name] = value;
  }
}
