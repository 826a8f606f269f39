import type { Context } from '../core/context.js';
import { ToolkitError } from '../core/errors.js';
import type { HttpAnswer } from './kubelet.js';

/** An answer with its header. */
export interface FullAnswer extends HttpAnswer {
  /** Fields of the header, names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
}

/**
 * Asks with curl(1), as people do, so that a proof can show a request to the letter. The answer includes the header.
 * @param args all arguments but `--include`, the address last
 */
export async function curl(ctx: Pick<Context, 'runner'>, args: readonly string[], timeoutSeconds = 120): Promise<FullAnswer> {
  const { stdout } = await ctx.runner.run(
    'curl',
    ['--silent', '--show-error', '--include', '--max-time', String(timeoutSeconds), ...args],
    {
      failure: 'the request was not answered',
    },
  );
  return parseAnswer(stdout);
}

/** Reads what `curl --include` prints; interim answers (1xx) are passed over. */
export function parseAnswer(text: string): FullAnswer {
  let rest = text.replaceAll('\r\n', '\n');
  for (;;) {
    const end = rest.indexOf('\n\n');
    const [first = '', ...fields] = (end === -1 ? rest : rest.slice(0, end)).split('\n');
    const status = Number(/^HTTP\/[\d.]+ (\d{3})/.exec(first)?.[1]);
    if (!Number.isInteger(status)) throw new ToolkitError('the answer has no status line', { details: [first] });
    rest = end === -1 ? '' : rest.slice(end + 2);
    if (status >= 100 && status < 200 && rest.startsWith('HTTP/')) continue;
    const headers = new Map(
      fields.map((field) => [field.slice(0, field.indexOf(':')).toLowerCase(), field.slice(field.indexOf(':') + 1).trim()] as const),
    );
    return { status, headers, body: rest };
  }
}
