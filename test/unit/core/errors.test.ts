import { describe, expect, test } from 'vitest';
import {
  CommandError,
  foreignPart,
  InterruptedError,
  messageOf,
  renderError,
  ToolkitError,
  tail,
  UsageError,
} from '../../../scripts/lib/core/errors.js';

describe('what a person is shown', () => {
  test('is headline, details, hint and log, in this order', () => {
    const error = new ToolkitError('it does not work', { details: ['first', 'second'], hint: 'do this\nor that', log: 'logs/a.log' });
    expect(renderError(error)).toBe('✖ it does not work\n  first\n  second\n  do this\n  or that\n  log: logs/a.log');
  });

  test('is the headline alone when there is no more to tell', () => {
    expect(renderError(new ToolkitError('it does not work'))).toBe('✖ it does not work');
  });

  test('is indented throughout, where a detail has several lines too', () => {
    expect(renderError(new ToolkitError('no', { details: ['one\ntwo'] }))).toBe('✖ no\n  one\n  two');
  });

  test('names the command and how it ended', () => {
    const error = new CommandError('make criu', 2, 'cc\n\nundefined reference\n', { message: 'CRIU does not build', log: 'criu.log' });
    expect(renderError(error)).toBe('✖ CRIU does not build\n  make criu → exit code 2\n  cc\n  undefined reference\n  log: criu.log');
  });

  test('tells a command that never ran from one that was ended', () => {
    expect(renderError(new CommandError('make criu', undefined, ''))).toBe('✖ make failed\n  make criu → did not start');
    expect(renderError(new CommandError('make criu', undefined, '', { outcome: 'killed by SIGKILL' }))).toBe(
      '✖ make failed\n  make criu → killed by SIGKILL',
    );
  });

  test('says after an interruption how to go on', () => {
    expect(renderError(new InterruptedError('SIGINT', 130))).toBe(
      '✖ stopped by SIGINT\n  Run the same command again: it goes on from what is finished.',
    );
  });

  test('holds each of several failures', () => {
    const several = new AggregateError(
      [new ToolkitError('one', { hint: 'mend' }), new AggregateError([new ToolkitError('two')])],
      'several',
    );
    expect(renderError(several)).toBe('✖ one\n  mend\n✖ two');
  });

  test('keeps the stack of an error that nobody foresaw', () => {
    const error = new TypeError('x is not a function');
    const shown = renderError(error);
    expect(shown).toMatch(/^✖ unexpected error \(a defect of the toolkit\)\n {2}TypeError: x is not a function\n {6}at /);
    expect(shown).toContain('errors.test.ts');
  });

  test('works for what is no error at all', () => {
    expect(renderError('text')).toBe('✖ unexpected error (a defect of the toolkit)\n  text');
    expect(messageOf('text')).toBe('text');
    expect(messageOf(new Error('message'))).toBe('message');
  });
});

describe('exit codes', () => {
  test('are 1 for a failure, 2 for wrong usage, those of the signal for an interruption', () => {
    expect(new ToolkitError('').exitCode).toBe(1);
    expect(new CommandError('make', 77, '').exitCode).toBe(1);
    expect(new UsageError('').exitCode).toBe(2);
    expect(new UsageError('', { exitCode: 1 }).exitCode).toBe(1);
    expect(new InterruptedError('SIGTERM', 143).exitCode).toBe(143);
  });
});

test('the end of an output is its last lines that are not blank', () => {
  expect(tail('1\n2 \n\n3\n', 2)).toEqual(['2', '3']);
  expect(tail('')).toEqual([]);
  expect(tail(Array.from({ length: 50 }, (_, index) => index).join('\n'))).toHaveLength(12);
});

test('the cause stays with the error', () => {
  const cause = new Error('below');
  expect(new ToolkitError('above', { cause }).cause).toBe(cause);
});

describe('a full disk', () => {
  test('is told as such, whatever met it', () => {
    const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    expect(renderError(full)).toMatch(/^✖ the disk is full\n {2}ENOSPC: no space left on device, write\n {2}The disk is full\. /);
    expect(renderError(full)).not.toContain('defect');
    const command = new CommandError('go build', 1, 'write /x: no space left on device', { hint: 'Check the network.' });
    expect(renderError(command)).toContain('npm run clean');
    expect(renderError(command)).not.toContain('Check the network.');
  });
});

describe('a file of another user', () => {
  const owners: Record<string, number> = {
    '/home': 0,
    '/home/me': 1000,
    '/home/me/kit': 1000,
    '/home/me/kit/.cache': 0,
    '/home/me/kit/.cache/logs': 0,
  };
  const ownerOf = (file: string): number | undefined => owners[file];

  test('in the own checkout is mended at the topmost folder that is theirs', () => {
    expect(foreignPart('/home/me/kit/.cache/logs/2026/setup.log', 1000, ownerOf)).toBe('/home/me/kit/.cache');
  });

  test('is left alone where the whole way is another user’s, or none of it', () => {
    expect(foreignPart('/home/me/kit/.cache/logs', 2000, ownerOf)).toBeUndefined();
    expect(foreignPart('/home/me/kit/README.md', 1000, ownerOf)).toBeUndefined();
  });
});
