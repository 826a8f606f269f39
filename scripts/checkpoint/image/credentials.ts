import path from 'node:path';
import * as z from 'zod';
import type { Context } from '../../lib/core/context.js';
import { CommandError, ToolkitError } from '../../lib/core/errors.js';
import { readIfThere } from '../../lib/core/files.js';

/** How Docker's configuration names Docker Hub, for historical reasons. */
const DOCKER_HUB_KEY = 'https://index.docker.io/v1/';
/** What a helper answers as the user's name when the secret is an identity token (docker-credential-helpers). */
const IS_TOKEN = '<token>';

/** What a registry is shown. */
export type Credentials =
  | { readonly kind: 'password'; readonly user: string; readonly password: string }
  /** A token that is exchanged for another one. */
  | { readonly kind: 'identity-token'; readonly token: string };

const configSchema = z.looseObject({
  auths: z.record(z.string(), z.looseObject({ auth: z.string().optional(), identitytoken: z.string().optional() })).default({}),
  credsStore: z.string().optional(),
  credHelpers: z.record(z.string(), z.string()).default({}),
});

const answerSchema = z.looseObject({ Username: z.string(), Secret: z.string() });

/**
 * What the user is logged in with at a registry, by Docker's configuration and its credential helpers; undefined when they are not.
 * @throws ToolkitError when the configuration cannot be understood, or a helper fails
 */
export async function credentialsFor(ctx: Pick<Context, 'env' | 'runner'>, registry: string): Promise<Credentials | undefined> {
  const file = path.join(ctx.env['DOCKER_CONFIG'] || path.join(ctx.env['HOME'] ?? '/', '.docker'), 'config.json');
  const { auths, credsStore, credHelpers } = readConfig(file, (await readIfThere(file)) ?? '{}');
  const key = registry === 'docker.io' ? DOCKER_HUB_KEY : registry;
  const helper = credHelpers[registry] ?? credHelpers[key] ?? credsStore;
  const helped = helper === undefined ? undefined : await askHelper(ctx, helper, key);
  return helped ?? stored(auths[key] ?? auths[`https://${registry}`]);
}

function readConfig(file: string, text: string): z.infer<typeof configSchema> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new ToolkitError('Docker’s configuration is not JSON', { details: [file] });
  }
  const parsed = configSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new ToolkitError('Docker’s configuration cannot be understood', { details: [file, ...z.prettifyError(parsed.error).split('\n')] });
}

function stored(entry: { auth?: string | undefined; identitytoken?: string | undefined } | undefined): Credentials | undefined {
  if (entry?.identitytoken !== undefined) return { kind: 'identity-token', token: entry.identitytoken };
  if (entry?.auth === undefined || entry.auth === '') return undefined;
  const [user = '', ...rest] = Buffer.from(entry.auth, 'base64').toString('utf8').split(':');
  return { kind: 'password', user, password: rest.join(':') };
}

/** Asks a program `docker-credential-NAME`, by its protocol: the registry on standard input, JSON on standard output. */
async function askHelper({ runner }: Pick<Context, 'runner'>, name: string, key: string): Promise<Credentials | undefined> {
  const program = `docker-credential-${name}`;
  const { stdout, exitCode } = await runner.run(program, ['get'], { input: key, accept: true }).catch((error: unknown) => {
    if (!(error instanceof CommandError)) throw error;
    throw new ToolkitError(`the credential helper ${program} cannot be run`, {
      details: error.details,
      hint: 'Docker’s configuration names it (credsStore, credHelpers): put it on PATH, or docker login without it.',
    });
  });
  if (exitCode !== 0) {
    if (/credentials not found/i.test(stdout)) return undefined;
    throw new ToolkitError(`the credential helper ${program} failed for ${key}`, { details: [stdout] });
  }
  const parsed = answerSchema.safeParse(parseOr(stdout));
  // Its answer holds a secret: not shown.
  if (!parsed.success) throw new ToolkitError(`the credential helper ${program} answered something else than credentials`);
  const { Username: user, Secret: secret } = parsed.data;
  return user === IS_TOKEN ? { kind: 'identity-token', token: secret } : { kind: 'password', user, password: secret };
}

function parseOr(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
