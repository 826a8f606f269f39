import * as z from 'zod';
import { archiveOf } from '../../checkpoint/answer.js';
import { APART_MS } from '../../checkpoint/checkpoint.js';
import { removeArchive } from '../../checkpoint/node-archive.js';
import { subresourceRoute } from '../../checkpoint/routes.js';
import { curl, type FullAnswer } from '../../lib/cluster/curl.js';
import { kubectl } from '../../lib/cluster/kubectl.js';
import { controlPlane, Node } from '../../lib/cluster/node.js';
import { findContainer } from '../../lib/cluster/pod.js';
import type { Context } from '../../lib/core/context.js';
import { expectSame, ToolkitError } from '../../lib/core/errors.js';
import { countsPast, podCount } from '../../workloads/counter-pod.js';
import type { Proof } from '../proof.js';
import type { ApiAccess } from './access.js';
import { NAMESPACE, tokenOf } from './pods.js';

const CONTAINER = 'counter-container';
const status = z.looseObject({
  kind: z.literal('Status'),
  apiVersion: z.literal('v1'),
  status: z.literal('Failure'),
  message: z.string(),
  reason: z.string().optional(),
  code: z.number(),
});

/** Address of the checkpoint subresource. */
export function route(base: string, namespace: string, pod: string, query = ''): string {
  return `${base}${subresourceRoute({ namespace, pod })}${query}`;
}

/** Checks that an answer is the Status object of a refusal. @returns its message */
export function refusal(answer: FullAnswer, code: number): string {
  const parsed = status.safeParse(JSON.parse(answer.body));
  if (answer.status !== code || !parsed.success)
    throw new ToolkitError(`expected a Status with ${code}, found ${answer.status}`, { details: [answer.body.trim()] });
  expectSame(parsed.data.code, code, 'code in the Status');
  expectSame(answer.headers.get('retry-after'), undefined, 'Retry-After: a retry is another checkpoint');
  return parsed.data.message;
}

/** The recipe's request, and every way to the server. */
export async function proveRequests(ctx: Context, proof: Proof, api: ApiAccess): Promise<void> {
  const post = (...args: string[]): Promise<FullAnswer> => curl(ctx, ['--request', 'POST', ...args]);
  const pauseBetween = (): Promise<void> => ctx.clock.sleep(APART_MS, ctx.signal);
  const counter2 = (base: string, query = `?container=${CONTAINER}`): string => route(base, 'default', 'counter2', query);
  const before = (await podCount(ctx, 'counter2', CONTAINER)).last;
  const ways: ReadonlyArray<readonly [string, () => Promise<FullAnswer>]> = [
    [
      'the recipe’s request through kubectl proxy, to the letter',
      () =>
        curl(ctx, [
          `${api.proxy}/api/v1/namespaces/default/pods/counter2/checkpoint/?container=${CONTAINER}`,
          '-k',
          '-X',
          'POST',
          '--no-buffer',
          '--header',
          'Connection: Upgrade',
        ]),
    ],
    ['the same without the odd header', () => post('-k', '--no-buffer', counter2(api.proxy))],
    ['directly over TLS with a client certificate', () => post(...api.asAdmin, counter2(api.server))],
    ['directly with the odd header', () => post(...api.asAdmin, '--header', 'Connection: Upgrade', counter2(api.server))],
    ['with a trailing slash', () => post(...api.asAdmin, `${api.server}/api/v1/namespaces/default/pods/counter2/checkpoint/`)],
    ['the only container, when none is named', () => post(...api.asAdmin, counter2(api.server, ''))],
    ['a timeout in whole seconds', () => post(...api.asAdmin, counter2(api.server, '?timeout=60'))],
    ['a timeout as a Go duration', () => post(...api.asAdmin, counter2(api.server, '?timeout=1m30s'))],
    ['an init container', () => post(...api.asAdmin, route(api.server, NAMESPACE, 'starting', '?container=init'))],
    ['an ephemeral container', () => post(...api.asAdmin, route(api.server, NAMESPACE, 'with-debugger', '?container=debugger'))],
    ['one of two containers', () => post(...api.asAdmin, route(api.server, NAMESPACE, 'two', '?container=second'))],
  ];
  const archives = new Set<string>();
  for (const [what, ask] of ways) {
    await proof.show(`200: ${what}`, async () => {
      const archive = archiveOf(await ask());
      if (archives.has(archive)) throw new ToolkitError(`${archive} was named before`);
      archives.add(archive);
      return { seen: archive.replace(/^.*\//, ''), value: undefined };
    });
    await pauseBetween();
  }
  await proof.show('counter2 goes on counting without gap or repeat, and was not restarted', async () => {
    const { last } = await countsPast(ctx, 'counter2', CONTAINER, before + 5);
    expectSame((await findContainer(ctx, 'default', 'counter2', CONTAINER)).restartCount, 0, 'restartCount');
    return { seen: `${before} → ${last}`, value: undefined };
  });
  await proof.show('all archives lie on the node', async () => {
    const node = new Node(ctx.runner, await controlPlane(ctx));
    await node.run(['ls', ...archives]);
    await node.remove(...archives);
    return { seen: `${archives.size} archives`, value: undefined };
  });
}

/** Every refusal, as a Status object. */
export async function proveRefusals(ctx: Context, proof: Proof, api: ApiAccess): Promise<void> {
  const ask = (method: string, address: string): Promise<FullAnswer> => curl(ctx, ['--request', method, ...api.asAdmin, address]);
  const cases: ReadonlyArray<readonly [string, number, RegExp, string]> = [
    ['a pod that does not exist', 404, /no-such-pod.*not found/, route(api.server, 'default', 'no-such-pod')],
    ['a namespace that does not exist', 404, /not found/, route(api.server, 'no-such-namespace', 'counter2')],
    [
      'a container that does not exist, naming those there are',
      400,
      /no-such-container.*counter-container/,
      route(api.server, 'default', 'counter2', '?container=no-such-container'),
    ],
    ['several containers and none named, naming them', 400, /first.*second/, route(api.server, NAMESPACE, 'two')],
    ['a pod without a node', 409, /does not have a host assigned/, route(api.server, NAMESPACE, 'unscheduled')],
    ['a pod that has ended', 409, /Succeeded, not Running/, route(api.server, NAMESPACE, 'ended')],
    ['a container that has not started', 409, /is Pending, not Running/, route(api.server, NAMESPACE, 'starting', '?container=main')],
    [
      'a timeout that is no time',
      400,
      /timeout must be whole seconds or a duration/,
      route(api.server, 'default', 'counter2', '?timeout=abc'),
    ],
    ['a timeout of zero', 400, /timeout must be positive/, route(api.server, 'default', 'counter2', '?timeout=0')],
    ['a negative timeout', 400, /timeout must be positive/, route(api.server, 'default', 'counter2', '?timeout=-1s')],
  ];
  for (const [what, code, message, address] of cases) {
    await proof.show(`${code}: ${what}`, async () => {
      const seen = refusal(await ask('POST', address), code);
      if (!message.test(seen)) throw new ToolkitError('the message says something else', { details: [seen] });
      return { seen, value: undefined };
    });
  }
  for (const method of ['GET', 'PUT', 'PATCH', 'DELETE']) {
    await proof.show(`405: ${method}`, async () => ({
      seen: refusal(await ask(method, route(api.server, 'default', 'counter2')), 405),
      value: undefined,
    }));
  }
}

/** Who may, and that it is recorded and documented. */
export async function proveAuthorization(ctx: Context, proof: Proof, api: ApiAccess): Promise<void> {
  const asAccount = async (account: string, namespace: string, pod: string): Promise<FullAnswer> =>
    curl(ctx, ['--request', 'POST', ...api.withToken(await tokenOf(ctx, account)), route(api.server, namespace, pod)]);
  await proof.show('403: a service account without the right', async () => ({
    seen: refusal(await asAccount('default', NAMESPACE, 'with-debugger'), 403),
    value: undefined,
  }));
  await proof.show('200: the same with create on pods/checkpoint, by manifests/checkpoint-role.yaml', async () => {
    const { stdout } = await kubectl(ctx, [
      'auth',
      'can-i',
      'create',
      'pods',
      '--subresource=checkpoint',
      '--namespace',
      NAMESPACE,
      '--as',
      `system:serviceaccount:${NAMESPACE}:checkpointer`,
    ]);
    expectSame(stdout, 'yes', 'kubectl auth can-i');
    const archive = archiveOf(await asAccount('checkpointer', NAMESPACE, 'with-debugger'));
    await removeArchive(ctx, { archive, node: (await findContainer(ctx, NAMESPACE, 'with-debugger', 'main')).node });
    return { seen: archive.replace(/^.*\//, ''), value: undefined };
  });
  await proof.show('403: never in another namespace', async () => ({
    seen: refusal(await asAccount('checkpointer', 'default', 'counter2'), 403),
    value: undefined,
  }));
  await proof.show('the audit log shows the request, its verb and subresource', async () => {
    const { stdout } = await new Node(ctx.runner, await controlPlane(ctx)).run(['sh', '-c', 'tail -n 200 /var/log/kubernetes/audit.log'], {
      failure: 'the API server writes no audit log',
      hint: 'cluster/cluster.yaml turns it on; a configuration of your own must do the same.',
    });
    const event = stdout
      .split('\n')
      .filter(Boolean)
      .map((line) => auditEvent.parse(JSON.parse(line)))
      .find(({ user, responseStatus }) => user.username.endsWith(':checkpointer') && responseStatus?.code === 200);
    if (event === undefined) throw new ToolkitError('there is no such event');
    expectSame(event.verb, 'create', 'verb');
    expectSame(event.objectRef?.subresource, 'checkpoint', 'subresource');
    return {
      seen: `${event.user.username} ${event.verb} ${event.objectRef?.resource ?? ''}/${event.objectRef?.subresource ?? ''} → ${event.responseStatus?.code ?? ''}`,
      value: undefined,
    };
  });
}

const auditEvent = z.looseObject({
  verb: z.string(),
  user: z.looseObject({ username: z.string() }),
  objectRef: z.looseObject({ resource: z.string().optional(), subresource: z.string().optional() }).optional(),
  responseStatus: z.looseObject({ code: z.number().optional() }).optional(),
});

/** Discovery and documentation know it, and go on working. */
export async function proveDiscovery(ctx: Context, proof: Proof): Promise<void> {
  const raw = async (path: string): Promise<string> => (await kubectl(ctx, ['get', '--raw', path])).stdout;
  await proof.show('discovery lists pods/checkpoint', async () => {
    const { resources } = z
      .looseObject({ resources: z.array(z.looseObject({ name: z.string(), verbs: z.array(z.string()) })) })
      .parse(JSON.parse(await raw('/api/v1')));
    const found = resources.find(({ name }) => name === 'pods/checkpoint');
    if (found === undefined) throw new ToolkitError('it does not');
    return { seen: `verbs ${found.verbs.join(', ')}`, value: undefined };
  });
  for (const [version, path] of [
    ['v2', '/openapi/v2'],
    ['v3', '/openapi/v3/api/v1'],
  ] as const) {
    await proof.show(`OpenAPI ${version} lists its path`, async () => {
      const document = z.looseObject({ paths: z.record(z.string(), z.looseObject({})) }).parse(JSON.parse(await raw(path)));
      const found = Object.keys(document.paths).find((name) => name.endsWith('/pods/{name}/checkpoint'));
      if (found === undefined) throw new ToolkitError('it does not');
      return { seen: found, value: undefined };
    });
  }
  await proof.show('kubectl explain pods and kubectl api-resources still work', async () => {
    const explained = (await kubectl(ctx, ['explain', 'pods.spec'])).stdout;
    const listed = (await kubectl(ctx, ['api-resources'])).stdout.split('\n').find((line) => /^pods\s/.test(line));
    if (!explained.includes('containers') || listed === undefined) throw new ToolkitError('they do not');
    return { seen: listed.replaceAll(/\s+/g, ' '), value: undefined };
  });
}
