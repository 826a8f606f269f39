import { quote } from 'zx';

/** A word as it is pasted into a shell: plain ones stay plain. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : quote(word);
}

/** A text as it may be shown: without the passwords that addresses in it hold (RFC 3986, 3.2.1). */
export function withoutPassword(text: string): string {
  return text.replaceAll(/(:\/\/[^:@/\s]*):[^@/\s]*@/g, '$1:…@');
}
