import { StringDecoder } from 'node:string_decoder';

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
