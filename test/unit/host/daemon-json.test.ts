import { describe, expect, test } from 'vitest';
import { UsageError } from '../../../scripts/lib/core/errors.js';
import { mergeDaemonJson } from '../../../scripts/lib/host/daemon-json.js';

const merge = (text: string | undefined): string | undefined => mergeDaemonJson(text, 'experimental', true);

function refusal(text: string): UsageError {
  try {
    merge(text);
  } catch (error) {
    expect(error).toBeInstanceOf(UsageError);
    return error as UsageError;
  }
  throw new TypeError(`taken: ${text}`);
}

describe('a key merged into daemon.json', () => {
  test.each([undefined, '', ' \n\n'])('makes a file where there is %j', (text) => {
    expect(merge(text)).toBe('{\n  "experimental": true\n}\n');
  });

  test('leaves every other key as it is, in its order', () => {
    const before = {
      'log-driver': 'json-file',
      'log-opts': { 'max-size': '10m', labels: ['a', 'b'] },
      experimental: false,
      'default-address-pools': [{ base: '172.80.0.0/16', size: 24 }],
      'live-restore': true,
      note: 'ä "quoted" \\ / ',
    };
    const after = merge(JSON.stringify(before)) ?? '';
    expect(JSON.parse(after)).toEqual({ ...before, experimental: true });
    expect(Object.keys(JSON.parse(after) as object)).toEqual(Object.keys(before));
  });

  test.each([
    { indent: 'two spaces', by: '  ' },
    { indent: 'four spaces', by: '    ' },
    { indent: 'a tab', by: '\t' },
  ])('keeps an indent of $indent', ({ by }) => {
    expect(merge(`{\n${by}"debug": true\n}`)).toBe(`{\n${by}"debug": true,\n${by}"experimental": true\n}\n`);
  });

  test.each(['{"experimental": true}', '{\n\t"experimental":true , "debug": false}\n'])(
    'changes nothing in %j, which says so already',
    (text) => {
      expect(merge(text)).toBeUndefined();
    },
  );

  test.each(['"true"', '1', 'null', 'false'])('replaces the value %s, which does not mean true to Docker', (value) => {
    expect(merge(`{"experimental": ${value}}`)).toBe('{\n  "experimental": true\n}\n');
  });
});

describe('a daemon.json that is no JSON', () => {
  const cases: ReadonlyArray<readonly [fault: string, text: string, line: number, column: number, shown: string]> = [
    ['a trailing comma', '{\n  "data-root": "/a",\n  "debug": true,\n}\n', 4, 1, '}'],
    ['a trailing comma in a list', '{\n  "dns": ["1.1.1.1",],\n  "debug": true\n}\n', 2, 21, '  "dns": ["1.1.1.1",],'],
    ['a missing comma', '{\n  "a": 1\n  "b": 2\n}\n', 3, 3, '  "b": 2'],
    ['a missing brace', '{\n  "a": {\n    "b": 1\n  }\n', 4, 4, '  }'],
    ['a brace too many', '{\n  "a": 1\n}}\n', 3, 2, '}}'],
    ['a second object, appended by echo', '{"a": 1}\n{"experimental": true}\n', 2, 1, '{"experimental": true}'],
    ['a comment', '{\n  "data-root": "/var/lib/docker",\n  // off\n  "debug": true\n}\n', 3, 3, '  // off'],
    [
      'a comment in the place of a value',
      '{\n  "data-root": "/var/lib",\n  "debug": /* off */ true\n}\n',
      3,
      12,
      '  "debug": /* off */ true',
    ],
    ['an unterminated string', '{\n  "a": "/var/lib,\n  "b": 1\n}\n', 2, 8, '  "a": "/var/lib,'],
    ['an unterminated string at the end', '{\n  "a": "/var', 2, 8, '  "a": "/var'],
    ['a word that is none of JSON', '{\n  "t": "true",\n  "debug": True\n}\n', 3, 12, '  "debug": True'],
    ['a key without quotes', '{\n  debug: true\n}\n', 2, 3, '  debug: true'],
    ['single quotes', "{\n  'debug': true\n}\n", 2, 3, "  'debug': true"],
    ['a missing colon', '{\n  "debug" true\n}\n', 2, 11, '  "debug" true'],
    ['a missing value', '{\n  "debug":\n}\n', 3, 1, '}'],
    ['a number with a leading zero', '{\n  "a": 012\n}\n', 2, 9, '  "a": 012'],
    ['an unknown escape', '{\n  "a": "\\d"\n}\n', 2, 8, '  "a": "\\d"'],
    ['no JSON at all', 'experimental = true\n', 1, 1, 'experimental = true'],
  ];

  test.each(cases)('with %s is refused, and its line and column are named', (_, text, line, column, shown) => {
    const { details, message, hint, exitCode } = refusal(text);
    expect(message).toBe('/etc/docker/daemon.json is not valid JSON');
    expect(details[0]).toMatch(new RegExp(`^line ${line}, column ${column}: [^\\n]+$`));
    expect(details[1]).toBe(`${line} | ${shown}`);
    expect(hint).toContain('left as it is');
    expect(exitCode).toBe(1);
  });

  test.each(['[]', '"text"', 'null', '3', 'true'])('object but %s is refused', (text) => {
    expect(refusal(text).message).toBe('/etc/docker/daemon.json holds no JSON object');
  });

  test('names the file that was meant', () => {
    expect(() => mergeDaemonJson('{', 'experimental', true, '/tmp/daemon.json')).toThrow('/tmp/daemon.json is not valid JSON');
  });
});
