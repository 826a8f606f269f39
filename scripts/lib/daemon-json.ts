import { UsageError } from './errors.js';

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

/** Line and column, both from 1, of a JSON error. V8 tells the position in most messages; the end of the text is meant otherwise. */
function placeOf(error: SyntaxError, text: string): { line: number; column: number; reason: string } {
  const told = /position (\d+)/.exec(error.message)?.[1];
  const token = /token '?(.)'?, /.exec(error.message)?.[1];
  const position = told !== undefined ? Number(told) : token !== undefined ? Math.max(0, text.indexOf(token)) : text.trimEnd().length;
  const before = text.slice(0, position).split('\n');
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1, reason: error.message.replace(/ in JSON at position.*$/, '') };
}

function indentOf(text: string | undefined): string | number {
  return /^\{\s*\n([ \t]+)/.exec(text ?? '')?.[1] ?? 2;
}
