import { quote } from 'zx/core';

/** A word as it is pasted into a shell: plain ones stay plain, others stand in one line. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : quote(word);
}

/** A word for any POSIX shell, as in the scripts that programs run with sh: that knows no `$'…'`. */
export function shWord(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/** A text as it may be shown: without the passwords that addresses in it hold (RFC 3986, 3.2.1). */
export function withoutPassword(text: string): string {
  return text.replaceAll(/(:\/\/[^:@/\s]*):[^@/\s]*@/g, '$1:…@');
}
