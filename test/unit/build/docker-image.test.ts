import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { buildImage, dockerImage } from '../../../scripts/lib/build/docker-image.js';
import { put, type TestContext, temporaryFolder, testContext } from '../../support/context.js';
import { type Call, type FakeRunner, fakeRunner } from '../../support/fake-runner.js';

async function build(
  image: Partial<Parameters<typeof buildImage>[2]> = {},
  env: NodeJS.ProcessEnv = {},
): Promise<{ call: Call; runner: FakeRunner; ctx: TestContext }> {
  const runner = fakeRunner(({ line }) => (line.startsWith('docker context') ? 'default' : ''));
  const ctx = testContext({ runner, env });
  const file = await put(path.join(temporaryFolder(), 'busybox'), '#!');
  await buildImage({ ...ctx, log: '', status: () => undefined, progress: () => undefined }, 'counter:test', {
    dockerfile: '/there/Dockerfile',
    files: { busybox: file },
    ...image,
  });
  const call = runner.calls.find(({ args }) => args[0] === 'buildx');
  if (call === undefined) throw new TypeError('nothing was built');
  return { call, runner, ctx };
}

describe('an image', () => {
  test('is built by the builder of its engine, whatever else is chosen, and loaded into that', async () => {
    const { call } = await build({}, { BUILDX_BUILDER: 'other' });
    expect(call.options.env).toMatchObject({ BUILDX_BUILDER: 'default' });
    expect(call.line).toContain('--load --tag counter:test');
  });

  test('names the instance whose it is, so that what a rebuild leaves without a name is still known', async () => {
    expect((await build()).call.line).toContain('--label kind-checkpoint.instance=latest');
  });

  test('has no attestations, which would make an index of it', async () => {
    expect((await build()).call.options.env).toMatchObject({ BUILDX_NO_DEFAULT_ATTESTATIONS: '1' });
  });

  test('that fetches nothing gets no proxies', async () => {
    const { call, runner } = await build({}, { http_proxy: 'http://proxy.example' });
    expect(call.line).not.toContain('proxy');
    expect(runner.lines).not.toContain('apt-config dump Acquire');
  });

  test('that fetches gets the proxies by name, so that no password shows', async () => {
    const { call, ctx } = await build({ fetches: true }, { http_proxy: 'http://ada:secret@proxy.example', no_proxy: 'localhost' });
    expect(call.line).toContain('--build-arg http_proxy --build-arg no_proxy');
    expect(JSON.stringify([call.args, call.options.env])).not.toContain('secret');
    expect(call.line).not.toContain('--network');
    expect(ctx.said).toEqual([]);
  });

  test('that fetches through a proxy of this machine uses its network, and says so', async () => {
    const { call, ctx } = await build({ fetches: true }, { http_proxy: 'http://127.0.0.1:3128' });
    expect(call.args).toContain('--network=host');
    expect(ctx.said).toEqual(['a proxy is on this machine: the build uses the network of the host']);
  });

  test('can be files alone', async () => {
    const { call } = await build({ output: '/out' });
    expect(call.line).toContain('--output type=local,dest=/out');
    expect(call.line).not.toContain('--load');
  });
});

describe('images that are looked for', () => {
  const look = 'docker image inspect --format {{.Id}}';
  const fingerprints = async (runner: FakeRunner): Promise<Array<string | undefined>> => {
    const ctx = testContext({ runner });
    return Promise.all(['a:1', 'b:1'].map((name) => dockerImage(name).fingerprint(ctx)));
  };
  const answering = (answers: Readonly<Record<string, string | number>>): FakeRunner =>
    fakeRunner(({ args }) => answers[args.slice(4).join(' ')]);

  test('at the same moment are asked for together', async () => {
    const runner = answering({ 'a:1 b:1': 'sha256:a\nsha256:b' });
    expect(await fingerprints(runner)).toEqual(['sha256:a', 'sha256:b']);
    expect(runner.calls.map(({ args }) => args.join(' '))).toEqual([`${look.replace('docker ', '')} a:1 b:1`]);
  });

  test('are asked for one by one where one is missing, and later again', async () => {
    const runner = answering({ 'a:1 b:1': 1, 'a:1': 1, 'b:1': 'sha256:b' });
    for (const _ of ['first', 'second']) expect(await fingerprints(runner)).toEqual([undefined, 'sha256:b']);
    expect(runner.calls).toHaveLength(6);
  });
});
