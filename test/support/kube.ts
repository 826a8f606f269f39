import type { Kube } from '../../scripts/lib/kube/client.js';
import type { CoreApi } from '../../scripts/lib/kube/core.js';

/** What the client throws when the API server answers with an error. */
export function apiError(code: number, message: string): Error {
  return Object.assign(new Error(`HTTP-Code: ${code}`), { code, body: JSON.stringify({ kind: 'Status', message }) });
}

const unexpected = (what: string) => async (): Promise<never> => {
  throw new TypeError(`the test did not expect this call: ${what}`);
};

/** A cluster that answers nothing but what it is told. */
export function fakeKube(core: Partial<Record<keyof CoreApi, unknown>> = {}, rest: Partial<Omit<Kube, 'core'>> = {}): Kube {
  const known = core as Partial<CoreApi>;
  return {
    context: 'test',
    server: 'https://test.invalid',
    namespace: 'default',
    exec: unexpected('exec'),
    ask: unexpected('ask'),
    ...rest,
    core: new Proxy(known, {
      get: (target, name: keyof CoreApi) => target[name] ?? unexpected(name),
    }) as CoreApi,
  };
}

/** A pod as the API gives it. */
export function podObject({
  containers = ['main'],
  inits = [],
  annotations = {},
  phase = 'Running',
  running = true,
}: {
  containers?: readonly string[];
  inits?: readonly string[];
  annotations?: Readonly<Record<string, string>>;
  phase?: string;
  running?: boolean;
} = {}): Record<string, unknown> {
  const status = (name: string): unknown => ({
    name,
    image: 'counter:latest',
    restartCount: 0,
    ready: running,
    ...(running ? { containerID: `containerd://${name}-0123456789abcdef0123456789` } : {}),
  });
  return {
    metadata: { name: 'counter', namespace: 'default', annotations },
    spec: {
      nodeName: 'node-1',
      containers: containers.map((name) => ({ name })),
      initContainers: inits.map((name) => ({ name })),
    },
    status: { phase, containerStatuses: containers.map(status), initContainerStatuses: inits.map(status) },
  };
}
