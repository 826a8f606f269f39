import { UsageError } from '../core/errors.js';

/**
 * Merges a key into the text of a daemon.json, keeping everything else.
 * @param text the file's text; undefined when there is no file
 * @returns the new text, or undefined when the file already says so
 * @throws UsageError that names the line, when the text is no JSON object
 */
export function mergeDaemonJson(
  text: string | undefined,
  key: string,
  value: boolean,
  file = '/etc/docker/daemon.json',
): string | undefined {
  const trimmed = text?.trim() ?? '';
  const before = trimmed === '' ? {} : parse(text ?? '', file);
  if (before[key] === value) return undefined;
  return `${JSON.stringify({ ...before, [key]: value }, null, indentOf(text))}\n`;
}

function parse(text: string, file: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const { line, column, reason } = placeOf(error as SyntaxError, text);
    throw new UsageError(`${file} is not valid JSON`, {
      details: [`line ${line}, column ${column}: ${reason}`, `${line} | ${text.split('\n')[line - 1] ?? ''}`],
      hint: 'It is left as it is. Mend that line, then run the same command again.',
      exitCode: 1,
    });
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw new UsageError(`${file} holds no JSON object`, {
      details: ['line 1'],
      hint: 'It is left as it is. Docker expects { … } there.',
      exitCode: 1,
    });
  }
  return value as Record<string, unknown>;
}

/** Line and column, both from 1, of a JSON error, and V8's words for it. Its words tell the place only in some cases. */
function placeOf(error: SyntaxError, text: string): { line: number; column: number; reason: string } {
  const before = text.slice(0, faultIn(text)).split('\n');
  const reason = error.message.replace(/( in JSON at position |, (\.\.\.)?").*$/s, '');
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1, reason };
}

/** A token of JSON (RFC 8259). */
const TOKEN =
  /[{}[\],:]|"(?:[^"\\\p{Cc}]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/uy;
const VALUE = '{["0';

/** Where a text stops being JSON: the offset of the first token that does not belong there. */
function faultIn(text: string): number {
  const end = text.trimEnd().length;
  const open: string[] = [];
  // First characters of what may come; k stands for a key, 0 for a number or a word.
  let wanted = VALUE;
  for (let at = 0; ; ) {
    while (/[ \t\n\r]/.test(text[at] ?? '')) at += 1;
    TOKEN.lastIndex = at;
    const token = TOKEN.exec(text)?.[0] ?? '';
    const first = token.charAt(0);
    const kind = first === '"' && wanted.startsWith('k') ? 'k' : /[{}[\],:"]/.test(first) ? first : '0';
    if (token === '' || !wanted.includes(kind)) return Math.min(at, end);
    at += token.length;
    if (kind === '{' || kind === '[') open.push(kind);
    if (kind === '}' || kind === ']') open.pop();
    const inObject = open.at(-1) === '{';
    if (kind === '{') wanted = 'k}';
    else if (kind === '[') wanted = `${VALUE}]`;
    else if (kind === 'k') wanted = ':';
    else if (kind === ':') wanted = VALUE;
    else if (kind === ',') wanted = inObject ? 'k' : VALUE;
    else wanted = open.length === 0 ? '' : inObject ? ',}' : ',]';
  }
}

function indentOf(text: string | undefined): string | number {
  return /^\{\s*\n([ \t]+)/.exec(text ?? '')?.[1] ?? 2;
}
