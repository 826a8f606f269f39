import { describe, expect, test } from 'vitest';
import { helpText, readArguments, type Task, task } from '../../../scripts/lib/cli/task.js';
import { UsageError } from '../../../scripts/lib/core/errors.js';

const example = task({
  name: 'cluster:up',
  summary: 'Creates the cluster.',
  flags: {
    recreate: { type: 'boolean', help: 'create it anew' },
    config: { type: 'string', value: 'PATH', help: 'kind configuration' },
    name: { type: 'string', help: 'name of the cluster' },
  },
  run: async () => undefined,
});
const withShort = task({
  name: 'checkpoint',
  summary: 'Checkpoints.',
  manual: ['What to know:', '  it is quick'],
  flags: {
    output: { type: 'string', short: 'o', value: 'FILE', help: 'bring it here' },
    via: { type: 'string', help: 'whom to ask' },
  },
  words: 'POD',
  run: async () => undefined,
});
const withWords = { ...example, name: 'image:load', words: 'IMAGE…' };

function refusal(args: readonly string[], of: Task = example as unknown as Task): UsageError {
  try {
    readArguments(of, args);
  } catch (error) {
    expect(error).toBeInstanceOf(UsageError);
    return error as UsageError;
  }
  throw new TypeError(`${args.join(' ')} was taken`);
}

describe('arguments', () => {
  test('that are not given are false or undefined', () => {
    expect(readArguments(example, [])).toEqual({
      flags: { help: false, json: false, recreate: false, config: undefined, name: undefined },
      words: [],
    });
  });

  test('that are given get through, in both ways of writing', () => {
    const { flags, words } = readArguments(withWords, ['--recreate', '--config', 'a.yaml', 'one', '--name=b', '--json', 'two']);
    expect(flags).toEqual({ help: false, json: true, recreate: true, config: 'a.yaml', name: 'b' });
    expect(words).toEqual(['one', 'two']);
  });

  test('after -- are words', () => {
    expect(readArguments(withWords, ['--', '--recreate'])).toMatchObject({ flags: { recreate: false }, words: ['--recreate'] });
  });

  test.each([{ args: ['-o', 'a.tar', 'counter'] }, { args: ['counter', '-oa.tar'] }, { args: ['--output=a.tar', 'counter'] }])(
    'have a short form where one is declared: $args',
    ({ args }) => {
      expect(readArguments(withShort, args)).toMatchObject({ flags: { output: 'a.tar', via: undefined }, words: ['counter'] });
    },
  );

  test('may be given several times where that is declared', () => {
    const from = { type: 'string', value: 'PLACE', multiple: true, help: 'from there' } as const;
    const several = task({ name: 'restore', summary: '', flags: { from }, run: async () => undefined });
    expect(readArguments(several, []).flags.from).toBeUndefined();
    expect(readArguments(several, ['--from', 'a', '--from=b']).flags.from).toEqual(['a', 'b']);
    expect(refusal(['--from', 'a', '--from='], several as unknown as Task).message).toBe('restore: --from has no value');
    expect(helpText(several as unknown as Task)).toContain('--from PLACE …');
  });

  test('have no short form otherwise', () => {
    expect(refusal(['-v', 'api'], withShort as unknown as Task).message).toBe("checkpoint: Unknown option '-v'");
    expect(readArguments(example, ['-h'])).toMatchObject({ flags: { help: true } });
  });

  test('that no one declared are refused by name, and the flags that exist are listed', () => {
    const { message, hint, exitCode } = refusal(['--recreat']);
    expect(message).toBe("cluster:up: Unknown option '--recreat'");
    expect(hint).toBe('Flags: --help --json --recreate --config --name');
    expect(exitCode).toBe(2);
  });

  test.each([
    { name: 'missing', args: ['--config'], message: /^cluster:up: Option '--config <value>' argument missing$/ },
    { name: 'another flag', args: ['--config', '--json'], message: /^cluster:up: Option '--config' argument is ambiguous$/ },
    { name: 'empty', args: ['--config='], message: /^cluster:up: --config has no value$/ },
  ])('whose value is $name are refused', ({ args, message }) => {
    expect(refusal(args).message).toMatch(message);
  });

  test('that take no value are refused with one', () => {
    expect(refusal(['--recreate=no']).message).toBe("cluster:up: Option '--recreate' does not take an argument");
  });

  test('that are words are refused by a task that takes none', () => {
    const { message, hint } = refusal(['one', 'two']);
    expect(message).toBe('cluster:up: takes no words, got one two');
    expect(hint).toContain('npm run cluster:up -- --help');
  });

  test('are handed on as they are by a task that passes through', () => {
    const passing = { ...example, passThrough: true };
    const args = ['get', 'pods', '-A', '--help', '--json', '--'];
    expect(readArguments(passing, args)).toEqual({ flags: {}, words: args });
  });
});

describe('the help', () => {
  test('shows how to call the task, what it does, and each flag', () => {
    expect(helpText(example as unknown as Task)).toBe(
      [
        'npm run cluster:up -- [FLAG…]',
        '',
        'Creates the cluster.',
        '',
        '      --recreate     create it anew',
        '      --config PATH  kind configuration',
        '      --name VALUE   name of the cluster',
        '  -h, --help         show this help',
        '      --json         print the result as JSON',
      ].join('\n'),
    );
  });

  test('shows short forms, and what else there is to know', () => {
    expect(helpText(withShort as unknown as Task)).toBe(
      [
        'npm run checkpoint -- POD [FLAG…]',
        '',
        'Checkpoints.',
        '',
        'What to know:',
        '  it is quick',
        '',
        '  -o, --output FILE  bring it here',
        '      --via VALUE    whom to ask',
        '  -h, --help         show this help',
        '      --json         print the result as JSON',
      ].join('\n'),
    );
  });

  test('names the words of a task that takes some', () => {
    expect(helpText(withWords as unknown as Task)).toMatch(/^npm run image:load -- IMAGE… \[FLAG…\]\n/);
  });
});
