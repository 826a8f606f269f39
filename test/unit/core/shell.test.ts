import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { shellWord, shWord } from '../../../scripts/lib/core/shell.js';

test.each(['plain/word-1.2:x@y,z=%+', '', 'two words', "it's", 'a\\b', 'a\nb\tc\r\v\f', '$HOME `id` "$(id)" !x', '…'])(
  'a shell reads back %j, from one line',
  async (word) => {
    const quoted = shellWord(word);
    expect(quoted).not.toMatch(/[\n\r]/);
    const { stdout } = await promisify(execFile)('bash', ['-c', `printf %s ${quoted}`]);
    expect(stdout).toBe(word);
  },
);

test.each(['plain', '', 'two words', "it's", 'a\\b', 'a\nb', '$HOME `id`', '…'])('sh, whichever it is, reads back %j', async (word) => {
  const { stdout } = await promisify(execFile)('sh', ['-c', `printf %s ${shWord(word)}`]);
  expect(stdout).toBe(word);
});

test('a plain word stays plain, others are quoted', () => {
  expect(['a/b', "it's"].map(shellWord)).toEqual(['a/b', "$'it\\'s'"]);
});
