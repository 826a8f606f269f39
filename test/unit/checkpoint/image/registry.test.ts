import { rm } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { type CheckpointImage, describeImage } from '../../../../scripts/checkpoint/image/image.js';
import { readImageName } from '../../../../scripts/checkpoint/image/name.js';
import { pushImage } from '../../../../scripts/checkpoint/image/registry.js';
import { checkpointArchive } from '../../../support/archive.js';
import { put, type TestContext, temporaryFolder, testContext } from '../../../support/context.js';
import { type Answers, fakeRunner } from '../../../support/fake-runner.js';
import { testRegistry } from '../../../support/registry.js';

const SECRET = { user: 'me', password: 'with:colon' };

async function imageFor(host: string, pagesBytes = 2_500_000): Promise<CheckpointImage> {
  return describeImage(await checkpointArchive({ pagesBytes }), readImageName(`${host}/shop/counter:one`));
}

/** A run of a user with this configuration of Docker. */
async function user(config: unknown = {}, answers: Answers = {}): Promise<TestContext> {
  const folder = temporaryFolder();
  await put(path.join(folder, 'config.json'), typeof config === 'string' ? config : JSON.stringify(config));
  return testContext({ env: { DOCKER_CONFIG: folder }, runner: fakeRunner(answers) });
}

const stored = (host: string): unknown => ({
  auths: { [host]: { auth: Buffer.from(`${SECRET.user}:${SECRET.password}`).toString('base64') } },
});

describe('pushing an image', () => {
  test('sends configuration, layer and manifest, whole, to a registry that takes them of everybody', async () => {
    const registry = await testRegistry();
    const image = await imageFor(registry.host);
    const { config, layer, manifest } = image;
    expect(await pushImage(await user(), image)).toEqual({
      digest: manifest.digest,
      sentBytes: config.size + layer.size + manifest.size,
    });
    expect([...registry.blobs]).toEqual([
      [config.digest, config.size],
      [layer.digest, layer.size],
    ]);
    expect(registry.manifests.get('shop/counter:one')).toEqual({ type: manifest.mediaType, text: manifest.bytes.toString('utf8') });
  });

  test('sends nothing twice', async () => {
    const registry = await testRegistry();
    const image = await imageFor(registry.host);
    const ctx = await user();
    await pushImage(ctx, image);
    registry.asked.length = 0;
    expect((await pushImage(ctx, image)).sentBytes).toBe(image.manifest.size);
    expect(registry.asked.filter((line) => line.includes('uploads'))).toEqual([]);
  });

  test.each(['basic', 'token'] as const)('logs in with what Docker has stored: %s', async (kind) => {
    const registry = await testRegistry({ login: { kind, ...SECRET } });
    await pushImage(await user(stored(registry.host)), await imageFor(registry.host));
    expect(registry.manifests.size).toBe(1);
  });

  test.each([
    ['a password', SECRET.user, SECRET.password, { kind: 'token' as const, ...SECRET }],
    ['an identity token', '<token>', 'lasting', { kind: 'identity-token' as const, token: 'lasting' }],
  ])('logs in with what a credential helper knows: %s', async (_, Username, Secret, login) => {
    const registry = await testRegistry({ login });
    const helped = (name: string): Answers => ({ [`docker-credential-${name} get`]: JSON.stringify({ Username, Secret }) });
    await pushImage(await user({ credsStore: 'keys' }, helped('keys')), await imageFor(registry.host));
    await pushImage(
      await user({ credsStore: 'keys', credHelpers: { [registry.host]: 'own' } }, helped('own')),
      await imageFor(registry.host),
    );
    expect(registry.manifests.size).toBe(1);
  });

  test('asks a helper for the registry by its name on standard input, and goes on without one that knows none', async () => {
    const registry = await testRegistry();
    const ctx = await user(
      { credsStore: 'keys' },
      {
        'docker-credential-keys get': ({ options }) => ({
          exitCode: options.input === registry.host ? 1 : 9,
          stdout: 'credentials not found in native keychain',
        }),
      },
    );
    await pushImage(ctx, await imageFor(registry.host));
    expect(registry.manifests.size).toBe(1);
  });

  test.each<[string, unknown, string]>([
    ['nobody is logged in', {}, 'it wants a user and a password'],
    [
      'the password is another one',
      { auths: { HOST: { auth: Buffer.from('me:wrong').toString('base64') } } },
      'the registry answered 401 UNAUTHORIZED',
    ],
  ])('is refused with how to log in when %s', async (_, config, words) => {
    const registry = await testRegistry({ login: { kind: 'basic', ...SECRET } });
    const ctx = await user(JSON.parse(JSON.stringify(config).replace('HOST', registry.host)));
    await expect(pushImage(ctx, await imageFor(registry.host))).rejects.toMatchObject({
      details: [expect.stringContaining(words)],
      hint: expect.stringContaining(`docker login ${registry.host}`),
    });
  });

  test('tells what the registry said when it does not take a blob', async () => {
    const registry = await testRegistry({ full: true });
    await expect(pushImage(await user(), await imageFor(registry.host))).rejects.toMatchObject({
      message: expect.stringContaining('could not be pushed'),
      details: ['the registry answered 507 TOOBIG: a TOOBIG of the test'],
    });
  });

  test('leaves no manifest of an archive that is gone or changed meanwhile', async () => {
    const registry = await testRegistry();
    const image = await imageFor(registry.host);
    await put(image.archive, Buffer.alloc(image.layer.size, 'x'));
    await expect(pushImage(await user(), image)).rejects.toThrow();
    await rm(image.archive);
    await expect(pushImage(await user(), image)).rejects.toThrow();
    expect(registry.manifests.size).toBe(0);
    expect(registry.blobs.has(image.layer.digest)).toBe(false);
  });

  test('says which registry cannot be reached', async () => {
    const ctx = await user();
    await expect(pushImage(ctx, await imageFor('127.0.0.1:1'))).rejects.toMatchObject({
      message: 'registry 127.0.0.1:1 cannot be reached',
      details: ['GET http://127.0.0.1:1/v2/', expect.stringContaining('ECONNREFUSED')],
    });
  });

  test.each([
    ['{', 'Docker’s configuration is not JSON'],
    ['{"auths": 3}', 'Docker’s configuration cannot be understood'],
  ])('does not take %s for a configuration', async (text, message) => {
    const registry = await testRegistry();
    await expect(pushImage(await user(text), await imageFor(registry.host))).rejects.toThrow(message);
  });

  test('ends with the run', async () => {
    const registry = await testRegistry();
    const ctx = await user();
    ctx.abort.abort(new Error('stopped'));
    await expect(pushImage(ctx, await imageFor(registry.host))).rejects.toThrow('stopped');
    expect(registry.asked).toEqual([]);
  });
});
