import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { anchorOf } from '../../scripts/lib/cli/commands-page.js';

/** The pages for people, as paths in the checkout: those at its top, and docs/. */
export async function pagesIn(root: string): Promise<string[]> {
  const docs = await readdir(path.join(root, 'docs')).catch(() => []);
  const all = [...(await readdir(root)), ...docs.map((name) => path.join('docs', name))];
  return all.filter((name) => name.endsWith('.md')).sort();
}

/** What links in a page may lead to: its headings' anchors, the second of a name with -1, as GitHub counts them. */
function anchorsIn(page: string): Set<string> {
  const seen = new Map<string, number>();
  const anchors = [...page.replaceAll(FENCED, '').matchAll(/^#{1,6} (.+)$/gm)].map(([, heading = '']) => {
    const anchor = anchorOf(heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1').trim());
    const times = seen.get(anchor) ?? 0;
    seen.set(anchor, times + 1);
    return times === 0 ? anchor : `${anchor}-${times}`;
  });
  return new Set(anchors);
}

const FENCED = /^```.*?^```$/gms;

/** The links and pictures of a page that lead into the checkout. */
function linksIn(page: string): string[] {
  const text = page.replaceAll(FENCED, '').replaceAll(/`[^`\n]*`/g, '`');
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target).filter((target) => !/^[a-z]+:/.test(target));
}

/** Links of the pages in a checkout that lead to no file, or to no heading of one: "PAGE: TARGET". */
export async function deadLinks(root: string): Promise<{ links: number; dead: string[] }> {
  const dead: string[] = [];
  let links = 0;
  for (const page of await pagesIn(root)) {
    for (const target of linksIn(await readFile(path.join(root, page), 'utf8'))) {
      links++;
      const [file = '', anchor] = target.split('#');
      const led = file === '' ? page : path.join(path.dirname(page), file);
      if (!(await leads(path.join(root, led), anchor))) dead.push(`${page}: ${target}`);
    }
  }
  return { links, dead };
}

async function leads(file: string, anchor: string | undefined): Promise<boolean> {
  const there = await stat(file).catch(() => undefined);
  if (there === undefined || anchor === undefined) return there !== undefined;
  return there.isFile() && anchorsIn(await readFile(file, 'utf8')).has(anchor);
}
