import type { Flags, FlagValues } from '../../lib/cli/task.js';
import type { sharedFlags } from '../flags.js';

/** A verb of `kubectl checkpoint`: the flags that mean something with it, and how its words are read. */
export interface Verb<Own extends Flags, Command extends { readonly verb: string }> {
  /** How it is called in the words of an error. */
  readonly title: string;
  /** Flags that no other verb declares. */
  readonly own: Own;
  /** Flags that it shares with others. One that would be passed over is refused before it is read. */
  readonly shared: ReadonlyArray<keyof typeof sharedFlags>;
  /**
   * Reads the words after the verb.
   * @throws UsageError that says what would be right
   */
  read(words: readonly string[], flags: FlagValues<typeof sharedFlags & Own>): Command;
}

/** Makes a verb; exists so that types are inferred. */
export function verb<const Own extends Flags, const Command extends { readonly verb: string }>(
  definition: Verb<Own, Command>,
): Verb<Own, Command> {
  return definition;
}
