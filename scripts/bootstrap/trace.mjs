// Where in the sources a stack trace of the bundled program has been.
import { SourceMap } from 'node:module';
import path from 'node:path';

/**
 * @param {string} stack
 * @param {string} file the program
 * @param {string | undefined} map its source map; where it is gone, the stack stays as it is
 * @returns {string}
 */
export function inSources(stack, file, map) {
  if (map === undefined || !stack.includes(file)) return stack;
  const places = new SourceMap(JSON.parse(map));
  const [before, ...parts] = stack.split(`${file}:`);
  const mapped = parts.map((part) => {
    const [, line = '', column = '', rest = ''] = /^(\d+):(\d+)(.*)$/s.exec(part) ?? [];
    const place = places.findEntry(Number(line) - 1, Number(column) - 1);
    if (!('originalSource' in place)) return `${file}:${part}`;
    return `${path.resolve(path.dirname(file), place.originalSource)}:${place.originalLine + 1}:${place.originalColumn + 1}${rest}`;
  });
  return [before, ...mapped].join('');
}
