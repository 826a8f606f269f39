import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import * as z from 'zod';
import type { Context } from '../../lib/core/context.js';
import { messageOf, ToolkitError } from '../../lib/core/errors.js';
import { type Credentials, credentialsFor } from './credentials.js';
import { type Blob, type CheckpointImage, type Descriptor, layerBytes } from './image.js';
import type { ImageName } from './name.js';

/** Milliseconds without a byte from the registry, or to it, after which it is given up. */
const IDLE_MS = 120_000;
/** Answers are kept up to here, bytes: they are short. */
const ANSWER_BYTES = 1024 * 1024;

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

interface Content {
  readonly type: string;
  readonly size: number;
  readonly bytes: AsyncIterable<Buffer> | Iterable<Buffer>;
}

/** What was sent to a registry. */
export interface Pushed {
  /** Digest of the manifest, by which anyone can ask for this very image. */
  readonly digest: string;
  /** Bytes that were sent; less than the image has where the registry had some of it. */
  readonly sentBytes: number;
}

/**
 * Sends an image to its registry by the OCI distribution protocol
 * (https://github.com/opencontainers/distribution-spec/blob/main/spec.md#push): what it lacks, as a stream, and the manifest last. With
 * what the user is logged in with by Docker's configuration. Registries of this machine are spoken to by HTTP.
 * @throws ToolkitError with what the registry said
 */
export async function pushImage(ctx: Pick<Context, 'env' | 'runner' | 'signal'>, image: CheckpointImage): Promise<Pushed> {
  const { name, config, layer, manifest } = image;
  const session = await open(ctx, name);
  const held =
    (blob: Blob): (() => Iterable<Buffer>) =>
    () => [blob.bytes];
  let sentBytes = 0;
  sentBytes += await pushBlob(session, name, config, held(config));
  sentBytes += await pushBlob(session, name, layer, () => layerBytes(image));
  const content = { type: manifest.mediaType, size: manifest.size, bytes: [manifest.bytes] };
  const answer = await session.ask('PUT', `/v2/${name.repository}/manifests/${name.tag}`, content);
  expectStatus(answer, [201], `${name.full} could not be pushed`, name);
  const told = answer.headers['docker-content-digest'];
  if (told !== undefined && told !== manifest.digest)
    throw new ToolkitError(`the registry keeps another manifest than it was sent`, {
      details: [`sent ${manifest.digest}`, `kept ${told}`],
    });
  return { digest: manifest.digest, sentBytes: sentBytes + manifest.size };
}

/** @returns bytes that were sent; none when the registry has the blob */
async function pushBlob(session: Session, name: ImageName, { digest, size }: Descriptor, bytes: () => Content['bytes']): Promise<number> {
  const blobs = `/v2/${name.repository}/blobs`;
  const there = await session.ask('HEAD', `${blobs}/${digest}`);
  if (there.status === 200) return 0;
  const failure = `${name.full} could not be pushed`;
  const begun = await session.ask('POST', `${blobs}/uploads/`, { type: 'application/octet-stream', size: 0, bytes: [] });
  expectStatus(begun, [202], failure, name);
  const { location } = begun.headers;
  if (location === undefined) throw new ToolkitError(failure, { details: ['the registry does not say where to'] });
  const target = new URL(location, session.base);
  target.searchParams.set('digest', digest);
  const put = await session.ask('PUT', target, { type: 'application/octet-stream', size, bytes: bytes() });
  expectStatus(put, [201, 204], failure, name);
  return size;
}

/** A registry, and how one is known to it. */
interface Session {
  readonly base: URL;
  ask(method: string, target: string | URL, content?: Content): Promise<Answer>;
}

/** Asks a registry how it wants to be asked. @throws ToolkitError when it cannot be reached, or wants what the user has not */
async function open({ env, runner, signal }: Pick<Context, 'env' | 'runner' | 'signal'>, name: ImageName): Promise<Session> {
  const base = baseOf(name.registry);
  const first = await send(base, 'GET', new URL('/v2/', base), {}, signal);
  const credentials = await credentialsFor({ env, runner }, name.registry);
  const authorization = first.status === 401 ? await authorizationFor(base, name, first, credentials, signal) : undefined;
  if (first.status !== 401 && first.status !== 200) expectStatus(first, [200], `${name.registry} is no image registry`, name);
  return {
    base,
    ask(method, target, content) {
      const url = new URL(target, base);
      // Uploads may go to another host, which must not learn it.
      const known = authorization !== undefined && url.host === base.host ? { authorization } : {};
      return send(base, method, url, known, signal, content);
    },
  };
}

function baseOf(registry: string): URL {
  const host = registry === 'docker.io' ? 'registry-1.docker.io' : registry;
  const { hostname } = new URL(`http://${host}`);
  const local = ['localhost', '127.0.0.1', '[::1]'].includes(hostname) || hostname.endsWith('.localhost');
  return new URL(`${local ? 'http' : 'https'}://${host}`);
}

/** The header for what a registry's 401 asks for (RFC 9110 §11; for tokens https://distribution.github.io/distribution/spec/auth/token/). */
async function authorizationFor(
  base: URL,
  { registry, repository }: ImageName,
  { headers }: Answer,
  credentials: Credentials | undefined,
  signal: AbortSignal,
): Promise<string | undefined> {
  const challenge = headers['www-authenticate'] ?? '';
  const [scheme = ''] = challenge.split(' ', 1);
  const basic = credentials?.kind === 'password' ? basicHeader(credentials) : undefined;
  if (scheme.toLowerCase() === 'basic') {
    if (basic === undefined) throw notLoggedIn(registry, ['it wants a user and a password']);
    return basic;
  }
  const asked = Object.fromEntries([...challenge.matchAll(/(\w+)="([^"]*)"/g)].map(([, key = '', value = '']) => [key, value]));
  if (scheme.toLowerCase() !== 'bearer' || asked['realm'] === undefined)
    throw new ToolkitError(`registry ${registry} asks for a login that is not known here`, { details: [challenge] });
  const realm = new URL(asked['realm'], base);
  const wanted = new URLSearchParams({
    ...(asked['service'] === undefined ? {} : { service: asked['service'] }),
    scope: `repository:${repository}:pull,push`,
  });
  const answer =
    credentials?.kind === 'identity-token'
      ? await exchange(realm, wanted, credentials.token, signal)
      : await fetchToken(realm, wanted, basic, signal);
  if (answer.status !== 200) throw notLoggedIn(registry, [`it gives no token: ${answer.status} ${wordsOf(answer)}`]);
  return `Bearer ${tokenIn(answer, realm)}`;
}

const tokenSchema = z.union([
  z.looseObject({ token: z.string() }).transform(({ token }) => token),
  z.looseObject({ access_token: z.string() }).transform(({ access_token }) => access_token),
]);

/** The token in an answer, which is not shown where it is none: it may hold one. */
function tokenIn({ body }: Answer, realm: URL): string {
  try {
    return tokenSchema.parse(JSON.parse(body));
  } catch {
    throw new ToolkitError(`${realm.host} answered something else than a token`);
  }
}

function fetchToken(realm: URL, wanted: URLSearchParams, basic: string | undefined, signal: AbortSignal): Promise<Answer> {
  for (const [key, value] of wanted) realm.searchParams.set(key, value);
  return send(realm, 'GET', realm, basic === undefined ? {} : { authorization: basic }, signal);
}

function exchange(realm: URL, wanted: URLSearchParams, token: string, signal: AbortSignal): Promise<Answer> {
  const form = new URLSearchParams({ grant_type: 'refresh_token', client_id: 'kubectl-checkpoint', refresh_token: token });
  for (const [key, value] of wanted) form.set(key, value);
  const bytes = Buffer.from(form.toString());
  return send(realm, 'POST', realm, {}, signal, { type: 'application/x-www-form-urlencoded', size: bytes.length, bytes: [bytes] });
}

function basicHeader({ user, password }: { readonly user: string; readonly password: string }): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}

/** One request, and its whole answer. What is sent is asked for only as fast as it goes out. */
async function send(
  base: URL,
  method: string,
  url: URL,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
  content?: Content,
): Promise<Answer> {
  signal.throwIfAborted();
  const about = content === undefined ? {} : { 'content-type': content.type, 'content-length': String(content.size) };
  const request = (url.protocol === 'http:' ? httpRequest : httpsRequest)(url, { method, headers: { ...headers, ...about }, signal });
  request.setTimeout(IDLE_MS, () => request.destroy(new Error(`nothing was heard for ${IDLE_MS / 1000} s`)));
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    request.once('response', resolve);
    request.once('error', reject);
  });
  // An answer may come before everything is sent: a refusal. It tells more than the broken pipe after it.
  const sent = content === undefined ? Promise.resolve(request.end()) : pipeline(Readable.from(content.bytes), request);
  sent.catch(() => undefined);
  try {
    const failed = sent.then(() => answered);
    const response = await Promise.race([answered, failed]);
    let body = '';
    for await (const piece of response.setEncoding('utf8') as AsyncIterable<string>) if (body.length < ANSWER_BYTES) body += piece;
    return { status: response.statusCode ?? 0, headers: response.headers, body };
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (error instanceof ToolkitError) throw error;
    throw new ToolkitError(`registry ${base.host} cannot be reached`, {
      details: [`${method} ${url.origin}${url.pathname}`, messageOf(error)],
      hint: 'Run the same command again: what has arrived is not sent twice.',
    });
  }
}

function expectStatus(answer: Answer, good: readonly number[], failure: string, { registry }: ImageName): void {
  if (good.includes(answer.status)) return;
  const details = [`the registry answered ${answer.status} ${wordsOf(answer)}`.trim()];
  if (answer.status === 401 || answer.status === 403) throw notLoggedIn(registry, details, failure);
  throw new ToolkitError(failure, { details });
}

function notLoggedIn(registry: string, details: readonly string[], failure = `registry ${registry} does not let you push`): ToolkitError {
  return new ToolkitError(failure, { details, hint: `docker login ${registry}   (its configuration is read: ~/.docker/config.json)` });
}

const errorsSchema = z.looseObject({ errors: z.array(z.looseObject({ code: z.string(), message: z.string().default('') })) });

/** What an answer says, in the registry's own words. */
function wordsOf({ body }: Answer): string {
  try {
    return errorsSchema
      .parse(JSON.parse(body))
      .errors.map(({ code, message }) => `${code}: ${message}`)
      .join('; ');
  } catch {
    return body.slice(0, 200).trim();
  }
}
