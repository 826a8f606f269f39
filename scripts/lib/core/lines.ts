import { StringDecoder } from 'node:string_decoder';
import { stripVTControlCharacters } from 'node:util';

/** Takes output as it comes, in pieces, and hands on its whole lines. The last one counts only with its newline. */
export function wholeLines(onLine: (line: string) => void): (chunk: Buffer) => void {
  const decoder = new StringDecoder('utf8');
  let begun = '';
  return (chunk) => {
    const lines = (begun + decoder.write(chunk)).split('\n');
    begun = lines.pop() ?? '';
    for (const line of lines) onLine(line.trimEnd());
  };
}

/** Takes output as it comes, in pieces, and hands on the last line of each, as it can be shown: one that is not whole yet as well. */
export function lastLines(onLine: (line: string) => void): (chunk: Buffer) => void {
  return (chunk) => {
    const last = stripVTControlCharacters(chunk.toString('utf8'))
      .split(/[\r\n]+/)
      .map((line) => line.replaceAll(/[\p{Cc}\s]+/gu, ' ').trim())
      .filter(Boolean)
      .at(-1);
    if (last !== undefined) onLine(last);
  };
}
