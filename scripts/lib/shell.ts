import { quote } from 'zx';

/** A word as it is pasted into a shell: plain ones stay plain. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : quote(word);
}
