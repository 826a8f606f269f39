import { readFile } from 'node:fs/promises';
import * as z from 'zod';
import { ToolkitError } from '../../lib/core/errors.js';
import type { Behaviour } from './behaviours.js';

const outcomeSchema = z.discriminatedUnion('holds', [
  z.strictObject({ holds: z.literal(true) }),
  z.strictObject({ holds: z.literal(false), reason: z.string() }),
]);
const columnSchema = z.strictObject({
  profile: z.string(),
  summary: z.string(),
  runtime: z.string(),
  route: z.enum(['annotation', 'image']),
  nodes: z.number().int().positive(),
  date: z.iso.date(),
  outcomes: z.record(z.string(), outcomeSchema),
});

/** Whether a behaviour holds, and if not, what was seen instead. */
export type Outcome = z.infer<typeof outcomeSchema>;

/** What was seen of one profile. */
export type Column = z.infer<typeof columnSchema>;

/** Reads what was kept of former runs. @throws ToolkitError when that is something else */
export async function readColumns(file: string): Promise<Column[]> {
  const text = await readFile(file, 'utf8').catch(() => '[]');
  const parsed = z.array(columnSchema).safeParse(JSON.parse(text));
  if (!parsed.success)
    throw new ToolkitError(`${file} is not what npm run matrix writes`, { details: z.prettifyError(parsed.error).split('\n') });
  return parsed.data;
}

/** The columns of before, and those that were measured now in their place; sorted, the default first. */
export function merge(before: readonly Column[], now: readonly Column[]): Column[] {
  const kept = before.filter(({ profile }) => !now.some((one) => one.profile === profile));
  const rank = ({ profile }: Column): string => (profile === 'default' ? '' : profile);
  return [...kept, ...now].sort((a, b) => rank(a).localeCompare(rank(b)));
}

/** The page of what works where, in Markdown. A behaviour that was not tried on a profile has an empty cell. */
export function page(columns: readonly Column[], behaviours: readonly Pick<Behaviour, 'id' | 'title'>[]): string {
  const notes: string[] = [];
  const cell = ({ outcomes }: Column, id: string): string => {
    const outcome = outcomes[id];
    if (outcome === undefined) return '';
    if (outcome.holds) return 'yes';
    if (!notes.includes(outcome.reason)) notes.push(outcome.reason);
    return `no [${notes.indexOf(outcome.reason) + 1}]`;
  };
  const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const rows = behaviours.map(({ id, title }) => row([title, ...columns.map((column) => cell(column, id))]));
  const about = columns.map(
    ({ profile, summary, runtime, route, nodes, date }) =>
      `- **${profile}**: ${summary} (${runtime}); restores by ${route === 'image' ? 'an image made of the archive' : 'an annotation of the pod'}; ${nodes} node${nodes === 1 ? '' : 's'}, ${date}`,
  );
  return [
    '# What works where',
    '',
    'Written by `npm run matrix -- --record` from what it saw on real clusters; no cell is written by hand. [Profiles](configuration.md#profiles) say what a cluster is made of.',
    '',
    ...about,
    '',
    row(['what survives a restore, or happens', ...columns.map(({ profile }) => profile)]),
    row(['---', ...columns.map(() => '---')]),
    ...rows,
    '',
    ...(notes.length === 0 ? [] : ['What was seen instead:', '', ...notes.map((note, index) => `${index + 1}. ${escaped(note)}`), '']),
  ].join('\n');
}

/** A reason as it stands in Markdown: as it is. */
function escaped(text: string): string {
  return text.replaceAll(/[\\`*_[\]<>|]/g, (character) => `\\${character}`);
}
