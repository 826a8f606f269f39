import { flagForm, type Task, usageOf } from './task.js';

/** Tasks that belong together on the page. */
export interface CommandGroup {
  readonly title: string;
  readonly tasks: readonly Task[];
}

/**
 * The page of all commands, as Markdown: a list of them, then each with its usage, what to know, and its flags.
 * @param opening Markdown that stands before the list
 * @param groups in the order of the page
 */
export function commandsPage(opening: string, groups: readonly CommandGroup[]): string {
  const list = groups.map(
    ({ title, tasks }) => `| ${title} | ${tasks.map(({ name }) => `[\`${name}\`](#${anchorOf(name)})`).join(' · ')} |`,
  );
  const sections = groups.flatMap(({ title, tasks }) => [`## ${title}`, ...tasks.map(sectionOf)]);
  return `${[opening.trim(), ['| | |', '|---|---|', ...list].join('\n'), ...sections].join('\n\n')}\n`;
}

/** The anchor that GitHub gives a heading. */
export function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\p{M}_ -]/gu, '')
    .replaceAll(' ', '-');
}

function sectionOf(task: Task): string {
  const flags = Object.entries(task.flags).map(([name, flag]) => `- \`${flagForm(name, flag)}\`: ${prose(flag.help)}`);
  return [
    `### ${task.name}`,
    `\`\`\`sh\n${usageOf(task)}\n\`\`\``,
    prose(task.summary),
    ...manualOf(task.manual ?? []),
    ...(flags.length === 0 ? [] : [flags.join('\n')]),
  ].join('\n\n');
}

/** The lines of a manual: those that are indented as they are, the others as paragraphs. */
function manualOf(lines: readonly string[]): string[] {
  const blocks: Array<{ indented: boolean; lines: string[] }> = [];
  for (const line of lines) {
    const indented = line.startsWith('  ');
    const last = blocks.at(-1);
    if (last?.indented === indented) last.lines.push(line);
    else blocks.push({ indented, lines: [line] });
  }
  return blocks.map((block) =>
    block.indented ? `\`\`\`\n${block.lines.map((line) => line.slice(2)).join('\n')}\n\`\`\`` : prose(block.lines.join('\n')),
  );
}

/** Plain text as Markdown that shows the same: flags as code, pages beside this one as links. */
function prose(text: string): string {
  return text
    .replaceAll(/[<*_]/g, '\\$&')
    .replaceAll(/(?<![\w-])--[a-z][a-z-]*/g, '`$&`')
    .replaceAll(/\bdocs\/([\w-]+\.md)\b/g, '[$1]($1)');
}
