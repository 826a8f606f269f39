import { parseArgs } from 'node:util';
import type { Context, Options } from '../core/context.js';
import { UsageError } from '../core/errors.js';
import type { Json } from '../core/json.js';

/** A flag as a task declares it. */
export interface Flag {
  readonly type: 'boolean' | 'string';
  /** Its one-letter form, without the dash. */
  readonly short?: string;
  /** For the help: what the value is, e.g. "PATH". */
  readonly value?: string;
  /** It may be given several times; its value is then the list of what was given. */
  readonly multiple?: boolean;
  readonly help: string;
}

export type Flags = Readonly<Record<string, Flag>>;

/** The values of declared flags. */
export type FlagValues<F extends Flags> = { readonly [name in keyof F]: FlagValue<F[name]> };

/** `undefined` where a flag with a value was not given. */
type FlagValue<F extends Flag> = F['type'] extends 'boolean'
  ? boolean
  : F extends { readonly multiple: true }
    ? readonly string[] | undefined
    : string | undefined;

/** What a task gets beside its flags. */
export interface Invocation<F extends Flags> {
  readonly flags: FlagValues<F>;
  /** Words that are not flags. */
  readonly words: readonly string[];
  readonly ctx: Context;
  /** Prints a result for people; silent with --json. */
  readonly print: (text: string) => void;
  /** Prints the result for programs; silent without --json. */
  readonly printJson: (value: Json) => void;
  /** False when output is for programs. */
  readonly forPeople: boolean;
}

/** An npm script. `cluster:up` is `scripts/tasks/cluster-up.ts`, whose default export is one of these. */
export interface Task<F extends Flags = Flags> {
  /** As npm knows it. */
  readonly name: string;
  /** One line for the help. */
  readonly summary: string;
  readonly flags: F;
  /** Lines of the help between the summary and the flags: how it is called, what to know. */
  readonly manual?: readonly string[];
  /** Words that it takes, for the help, e.g. "IMAGE…"; none: words are refused. */
  readonly words?: string;
  /** All arguments are handed on as they are, flags included. */
  readonly passThrough?: boolean;
  /** What the flags say about the run as a whole. */
  readonly options?: (flags: FlagValues<F>) => Partial<Options>;
  /** @returns the exit code; 0 when nothing is returned */
  run(invocation: Invocation<F>): Promise<number | undefined>;
}

/** Makes a task; exists so that the flags' types are inferred. */
export function task<const F extends Flags>(definition: Task<F>): Task<F> {
  return definition;
}

/** Flags that every task knows. */
export const commonFlags = {
  help: { type: 'boolean', short: 'h', help: 'show this help' },
  json: { type: 'boolean', help: 'print the result as JSON' },
} as const satisfies Flags;

/**
 * Reads the arguments of a task.
 * @throws UsageError on an unknown flag, a flag without its value, a word too many
 */
export function readArguments<F extends Flags>(
  task: Task<F>,
  args: readonly string[],
): { flags: FlagValues<F & typeof commonFlags>; words: string[] } {
  if (task.passThrough === true) return { flags: {} as FlagValues<F & typeof commonFlags>, words: [...args] };
  const declared: Flags = { ...commonFlags, ...task.flags };
  const options = Object.fromEntries(
    Object.entries(declared).map(([name, { type, short, multiple = false }]) => [
      name,
      { type, multiple, ...(short === undefined ? {} : { short }) },
    ]),
  );
  let parsed: ReturnType<typeof parseArgs>;
  try {
    parsed = parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (error) {
    const [first = 'bad arguments'] = (error as Error).message.split(/\.\s/);
    throw new UsageError(`${task.name}: ${first}`, {
      hint: `Flags: ${Object.keys(declared)
        .map((name) => `--${name}`)
        .join(' ')}`,
    });
  }
  if (parsed.positionals.length > 0 && task.words === undefined) {
    throw new UsageError(`${task.name}: takes no words, got ${parsed.positionals.join(' ')}`, {
      hint: `See: npm run ${task.name} -- --help`,
    });
  }
  // What an unset shell variable leaves: --config "$CONFIG".
  const empty = Object.keys(parsed.values).find((name) => [parsed.values[name]].flat().includes(''));
  if (empty !== undefined) throw new UsageError(`${task.name}: --${empty} has no value`);
  const values = Object.fromEntries(
    Object.entries(declared).map(([name, flag]) => [name, parsed.values[name] ?? (flag.type === 'boolean' ? false : undefined)]),
  );
  return { flags: values as FlagValues<F & typeof commonFlags>, words: parsed.positionals };
}

/** How a task is called, in one line. */
export function usageOf(task: Task): string {
  const words = [task.words, Object.keys(task.flags).length > 0 ? '[FLAG…]' : undefined].filter((word) => word !== undefined);
  return ['npm run', task.name, ...(words.length > 0 ? ['--', ...words] : [])].join(' ');
}

/** A flag as it is written, e.g. "-o, --output FILE". */
export function flagForm(name: string, { short, type, value = 'VALUE', multiple = false }: Flag): string {
  return `${short === undefined ? '' : `-${short}, `}--${name}${type === 'string' ? ` ${value}` : ''}${multiple ? ' …' : ''}`;
}

/** The help of a task. */
export function helpText(task: Task): string {
  const declared: Flags = { ...task.flags, ...commonFlags };
  const indent = Object.values(declared).some(({ short }) => short !== undefined) ? '    ' : '';
  const rows = Object.entries(declared).map(([name, flag]): [string, string] => [
    `${flag.short === undefined ? indent : ''}${flagForm(name, flag)}`,
    flag.help,
  ]);
  const width = Math.max(...rows.map(([left]) => left.length));
  const manual = task.manual === undefined ? [] : [`${task.manual.join('\n')}\n`];
  return [`${usageOf(task)}\n`, `${task.summary}\n`, ...manual, ...rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`)].join(
    '\n',
  );
}
