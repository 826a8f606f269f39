import type { FlagValues } from '../lib/cli/task.js';
import { UsageError } from '../lib/core/errors.js';
import { sharedFlags } from './flags.js';
import { build } from './verbs/build.js';
import { checkpoint } from './verbs/checkpoint.js';
import { inspect } from './verbs/inspect.js';
import { ls } from './verbs/ls.js';
import { migrate } from './verbs/migrate.js';
import { restore } from './verbs/restore.js';
import { rm } from './verbs/rm.js';

/** By the word that calls them; `checkpoint` needs none. A new one: its file, and a line here and in `checkpointFlags`. */
const verbs = { checkpoint, ls, inspect, restore, rm, build, migrate } as const;

/** All flags of `kubectl checkpoint`. */
export const checkpointFlags = { ...sharedFlags, ...restore.own, ...build.own, ...migrate.own } as const;

export type CheckpointFlags = FlagValues<typeof checkpointFlags>;

/** What `kubectl checkpoint` is asked to do. */
export type Command = ReturnType<(typeof verbs)[keyof typeof verbs]['read']>;

/** How it may be called, in one line. */
export const callForms = 'POD | restore ARCHIVE… | migrate POD… | ls | inspect FILE | rm ARCHIVE… | build ARCHIVE';

/** Reads what comes after `kubectl checkpoint`. @throws UsageError that says what would be right */
export function readCommand(words: readonly string[], flags: CheckpointFlags): Command {
  const [first, ...rest] = words;
  if (first === undefined)
    throw new UsageError('kubectl checkpoint: name a pod', { hint: `kubectl checkpoint ${callForms}   (a pod called ls: pod/ls)` });
  const name = first !== 'checkpoint' && Object.hasOwn(verbs, first) ? (first as Command['verb']) : 'checkpoint';
  refuseIdleFlags(name, flags);
  return verbs[name].read(name === 'checkpoint' ? words : rest, flags);
}

/** A flag that would be passed over is refused. */
function refuseIdleFlags(name: Command['verb'], flags: CheckpointFlags): void {
  const { title, own, shared } = verbs[name];
  const taken: readonly string[] = [...shared, ...Object.keys(own)];
  const given = (value: unknown): boolean => value !== undefined && value !== false;
  const idle = (Object.keys(checkpointFlags) as Array<keyof CheckpointFlags>).filter((flag) => given(flags[flag]) && !taken.includes(flag));
  if (idle.length === 0) return;
  throw new UsageError(`${title} does not take ${idle.map((flag) => `--${flag}`).join(', ')}`, {
    hint: taken.length === 0 ? undefined : `It takes: ${taken.map((flag) => `--${flag}`).join(' ')}`,
  });
}
