import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { checkout } from './checkout.js';

/** A room of the house, and the rooms beneath it: these it may import from, and no other. */
const BELOW = {
  core: [],
  engine: ['core'],
  host: ['core'],
  cli: ['engine', 'core'],
  build: ['host', 'engine', 'core'],
  forks: ['build', 'host', 'engine', 'core'],
  cluster: ['forks', 'build', 'host', 'engine', 'core'],
  kube: ['cluster', 'core'],
  checkpoint: ['kube', 'cluster', 'core'],
  'kubectl-checkpoint': ['checkpoint', 'kube', 'cluster', 'cli', 'core'],
  workloads: ['checkpoint', 'kube', 'cluster', 'core'],
  proofs: ['workloads', 'checkpoint', 'kube', 'cluster', 'core'],
  bench: ['workloads', 'checkpoint', 'kube', 'cluster', 'forks', 'build', 'cli', 'core'],
  steps: ['cluster', 'forks', 'build', 'host', 'engine', 'core'],
  boxes: ['steps', 'host', 'build', 'engine', 'cli', 'core'],
} as const satisfies Record<string, readonly string[]>;

/** Rooms of `scripts/lib`; the others lie in `scripts` itself. */
const IN_LIB = ['core', 'engine', 'host', 'cli', 'build', 'forks', 'cluster', 'kube'];

export const rooms: ReadonlyMap<string, readonly string[]> = new Map(Object.entries(BELOW));

/** Import by import of every file in a folder: paths relative to it, both ends. */
export interface Import {
  readonly from: string;
  readonly to: string;
}

/** All imports between the TypeScript files of a folder, types and dynamic ones included. */
export async function importsIn(folder = path.join(checkout, 'scripts')): Promise<{ files: string[]; imports: Import[] }> {
  const files = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.ts')).sort();
  const imports = await Promise.all(
    files.map(async (from) => {
      const text = await readFile(path.join(folder, from), 'utf8');
      return [...text.matchAll(/(?:\bfrom |\bimport\()'(\.[^']+)\.js'/g)].map(([, to = '']) => ({
        from,
        to: `${path.join(path.dirname(from), to)}.ts`,
      }));
    }),
  );
  return { files, imports: imports.flat() };
}

/** The room of a file by its path in `scripts`; undefined for what stands above the rooms (the entry point, the tasks). */
export function roomOf(file: string): string | undefined {
  const [first = '', second = ''] = file.split('/');
  if (first === 'lib') return second;
  return first === 'tasks' || first === 'main.ts' ? undefined : first;
}

/** Imports against the arrows, as they can be read. */
export function againstArrows(imports: readonly Import[]): string[] {
  return imports
    .filter(({ from, to }) => {
      const [room, other] = [roomOf(from), roomOf(to)];
      return room !== undefined && room !== other && (other === undefined || !(rooms.get(room) ?? []).includes(other));
    })
    .map(({ from, to }) => `${from} imports ${to}`);
}

/** Files that import each other in a circle: each circle once, as the way around. */
export function circles(imports: readonly Import[]): string[] {
  const state = new Map<string, 'open' | 'done'>();
  const found: string[] = [];
  const visit = (file: string, way: readonly string[]): void => {
    if (state.get(file) === 'done') return;
    if (state.get(file) === 'open') {
      found.push([...way.slice(way.indexOf(file)), file].join(' → '));
      return;
    }
    state.set(file, 'open');
    for (const { to } of imports.filter(({ from }) => from === file)) visit(to, [...way, file]);
    state.set(file, 'done');
  };
  for (const { from } of imports) visit(from, []);
  return found;
}

/** Files that lie in no room: flat in `scripts/lib`, or in a folder that is none. */
export function inNoRoom(files: readonly string[]): string[] {
  return files.filter((file) => {
    const room = roomOf(file);
    if (room === undefined) return false;
    return !rooms.has(room) || file.startsWith('lib/') !== IN_LIB.includes(room);
  });
}
