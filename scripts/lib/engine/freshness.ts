import path from 'node:path';
import * as z from 'zod';
import type { Context } from '../core/context.js';
import { ToolkitError } from '../core/errors.js';
import { readNowIfThere, writeAtomically } from '../core/files.js';
import { hashTree, sha256 } from '../core/hash.js';
import { canonicalJson } from '../core/json.js';
import type { Product, Step } from './step.js';

/** What a step's key is made of, part by part, so that a change can be named. */
export type KeyParts = Readonly<Record<string, string>>;

export interface Freshness {
  readonly key: string;
  readonly parts: KeyParts;
  /** Why the step must run; undefined when it need not. */
  readonly reason: string | undefined;
}

const stampSchema = z.object({
  key: z.string(),
  parts: z.record(z.string(), z.string()),
  products: z.record(z.string(), z.string()),
  seconds: z.number(),
});
export type Stamp = z.infer<typeof stampSchema>;

/** The parts of a step's key: each input, the options, the key of each step that it needs. */
export async function keyParts(step: Step, ctx: Context, keyOf: (need: Step) => string): Promise<KeyParts> {
  const parts: Record<string, string> = {};
  for (const input of step.inputs ?? []) parts[input] = hashTree(ctx.paths.inRoot(input));
  for (const [name, value] of Object.entries((await step.options?.(ctx)) ?? {})) parts[name] = canonicalJson(value);
  for (const need of step.needs ?? []) parts[need.title] = keyOf(need);
  return parts;
}

/** One key out of its parts. */
export function keyFrom(id: string, parts: KeyParts): string {
  return sha256(canonicalJson({ id, parts }));
}

/** Where a step's stamp lies. */
export function stampPath(step: Step, ctx: Context): string {
  return path.join(ctx.paths.stamps, `${step.id}.json`);
}

/** The stamp of a step; undefined when there is none or it is not one of ours. */
export function readStamp(step: Step, ctx: Context): Stamp | undefined {
  const text = readNowIfThere(stampPath(step, ctx));
  try {
    return text === undefined ? undefined : stampSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** The key of a step, with its parts. */
export async function keyOfStep(step: Step, ctx: Context, keyOf: (need: Step) => string): Promise<Pick<Freshness, 'key' | 'parts'>> {
  const parts = await keyParts(step, ctx, keyOf);
  return { key: keyFrom(step.id, parts), parts };
}

/** Why a step of this key must run; undefined when it need not. Changes nothing. */
export async function reasonToRun(step: Step, ctx: Context, { key, parts }: Pick<Freshness, 'key' | 'parts'>): Promise<string | undefined> {
  return (step.produces === undefined ? undefined : await staleProduct(step, ctx, key, parts)) ?? (await step.check?.(ctx));
}

/** Says whether a step must run, and why. Changes nothing. */
export async function freshness(step: Step, ctx: Context, keyOf: (need: Step) => string): Promise<Freshness> {
  const keyed = await keyOfStep(step, ctx, keyOf);
  return { ...keyed, reason: await reasonToRun(step, ctx, keyed) };
}

async function staleProduct(step: Step, ctx: Context, key: string, parts: KeyParts): Promise<string | undefined> {
  const stamp = readStamp(step, ctx);
  if (stamp === undefined) return 'not made yet';
  if (stamp.key !== key) return changedParts(stamp.parts, parts);
  for (const product of step.produces?.(ctx) ?? []) {
    const found = await product.fingerprint(ctx);
    if (found === undefined) return `${product.name} is gone`;
    if (found !== stamp.products[recordName(product, ctx)]) return `${product.name} is not the one that was made`;
  }
  return undefined;
}

/** A file of the cache is recorded by its place in it: a checkout that is moved or copied has still made what it made. */
function recordName({ name }: Product, { paths }: Pick<Context, 'paths'>): string {
  const inCache = path.relative(paths.cache, name);
  return path.isAbsolute(name) && !inCache.startsWith('..') ? inCache : name;
}

/** Names what differs between two sets of key parts. */
export function changedParts(before: KeyParts, now: KeyParts): string {
  const names = [...new Set([...Object.keys(before), ...Object.keys(now)])].filter((name) => before[name] !== now[name]);
  return names.length === 0 ? 'made by another version of the step' : `changed: ${names.join(', ')}`;
}

/** Records that a step is done. @throws ToolkitError when a product that it promised is not there */
export async function writeStamp(step: Step, ctx: Context, { key, parts }: Freshness, seconds: number): Promise<void> {
  if (step.produces === undefined) return;
  const products: Record<string, string> = {};
  for (const product of step.produces(ctx)) {
    const fingerprint = await product.fingerprint(ctx);
    if (fingerprint === undefined) throw new ToolkitError(`${step.title} finished without making ${product.name}`);
    products[recordName(product, ctx)] = fingerprint;
  }
  const stamp: Stamp = { key, parts, products, seconds };
  await writeAtomically(stampPath(step, ctx), `${JSON.stringify(stamp, null, 2)}\n`);
}
