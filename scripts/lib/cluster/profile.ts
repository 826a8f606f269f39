import { readdirSync } from 'node:fs';
import path from 'node:path';
import YAML from 'yaml';
import * as z from 'zod';
import type { Context, Options } from '../core/context.js';
import { UsageError } from '../core/errors.js';
import { readNowIfThere } from '../core/files.js';

/** How a container starts from a checkpoint: by an annotation of its pod, from an image made of the archive, or not at all. */
export type RestoreRoute = 'annotation' | 'image' | 'none';

const profileSchema = z.strictObject({
  summary: z.string().min(1),
  pins: z.strictObject({ containerd: z.string().min(1) }),
  containerdConfigPatches: z.array(z.string()).default([]),
  runtime: z.strictObject({
    restore: z.enum(['annotation', 'image', 'none']),
    apartByASecond: z.boolean(),
    survivesFaults: z.boolean(),
  }),
});

/** What a line of clusters is made of, and what its runtime can do: a file of `cluster/profiles`. */
export interface Profile {
  readonly name: string;
  /** What it is, in a few words. */
  readonly summary: string;
  /** Folder with the pin of each component that profiles may differ in, relative to the checkout. */
  readonly pins: Pins;
  /** Patches of containerd's configuration in kind's form, beside those of the cluster's configuration. */
  readonly containerdConfigPatches: readonly string[];
  readonly runtime: RuntimeAbilities;
}

/** Folders of pins, by component. */
export interface Pins {
  readonly containerd: string;
}

/** What the runtime of a profile can do, and what therefore is proven of it. */
export interface RuntimeAbilities {
  readonly restore: RestoreRoute;
  /** True when checkpoints of a container must be a second apart to give archives of their own. */
  readonly apartByASecond: boolean;
  /** True when a checkpoint that is struck in its middle leaves everything as it was. */
  readonly survivesFaults: boolean;
}

/**
 * Reads the profile that the options name.
 * @throws UsageError when there is none of this name, or its file is not a profile
 */
export function readProfile({ paths, options }: Pick<Context, 'paths'> & { options: Pick<Options, 'profile'> }): Profile {
  const { profile: name } = options;
  const file = paths.inRoot('cluster', 'profiles', `${name}.yaml`);
  const text = readNowIfThere(file);
  if (text === undefined)
    throw new UsageError(`there is no profile ${name}`, { hint: `Profiles: ${profileNames(paths).join(', ')} (cluster/profiles)` });
  const document = YAML.parseDocument(text);
  const [broken] = document.errors;
  if (broken !== undefined) throw invalid(file, broken.message.trim().split('\n'));
  const parsed = profileSchema.safeParse(document.toJS());
  if (!parsed.success) throw invalid(file, z.prettifyError(parsed.error).split('\n'));
  return { name, ...parsed.data };
}

/** The names of all profiles, sorted. */
export function profileNames({ inRoot }: Pick<Context['paths'], 'inRoot'>): string[] {
  return readdirSync(inRoot('cluster', 'profiles'))
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => path.basename(name, '.yaml'))
    .sort();
}

function invalid(file: string, details: readonly string[]): UsageError {
  return new UsageError(`${path.basename(file)} is not a profile`, {
    details: [file, ...details],
    hint: 'docs/configuration.md describes profiles; cluster/profiles/default.yaml is one.',
  });
}
