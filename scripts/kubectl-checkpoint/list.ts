import { type FetchWay, inFolder, withFolder } from '../checkpoint/node-folder.js';
import { archiveFolder } from '../lib/cluster/kubelet.js';
import { type NodeScript, shell } from '../lib/cluster/node.js';
import type { Context } from '../lib/core/context.js';
import { messageOf, ToolkitError } from '../lib/core/errors.js';
import { calling, type Kube } from '../lib/kube/client.js';
import type { NodeObject } from '../lib/kube/core.js';
import { notAsked, visitNode } from '../lib/kube/reach.js';
import { mayBeOf, parseArchiveName } from './archive-name.js';

/** An archive on a node. */
export interface ListedArchive {
  readonly node: string;
  /** Name of the file. */
  readonly name: string;
  /** Its path on the node. */
  readonly path: string;
  readonly bytes: number;
  readonly pod: string | null;
  readonly namespace: string | null;
  readonly container: string | null;
  /** When it was made, RFC 3339. */
  readonly time: string | null;
}

/** How nodes are looked into. */
export interface Access {
  readonly way: FetchWay;
  /** For the helper pod, where one is needed. */
  readonly namespace: string;
  readonly image: string;
}

/** So many helper pods at a time. */
const AT_A_TIME = 4;

/**
 * Prints a line `SIZE NAME` for each file, and after it the line of the archive's specification that names the namespace. Reads
 * from standard input, because GNU tar takes a name with a colon for one of another machine. The runtime is containerd or CRI-O.
 */
const SCRIPT = `cd "$1" || exit 1
for f in *.tar; do
  [ -f "$f" ] || continue
  stat -c '%s %n' "$f"
  tar -xOf - spec.dump <"$f" 2>/dev/null | grep -oE '"io\\.kubernetes\\.(cri\\.sandbox-namespace|pod\\.namespace)": *"[^"]*"' | head -n 1
done
true`;

/** Reads what the listing script printed. */
export function readListing(node: string, output: string): ListedArchive[] {
  const found: Array<{ name: string; bytes: number; namespace: string | undefined }> = [];
  for (const line of output.split('\n')) {
    const [, size, name] = /^(\d+) (.+)$/.exec(line) ?? [];
    const last = found.at(-1);
    const namespace = /^"io\.kubernetes\.[^"]+": *"([^"]*)"$/.exec(line)?.[1];
    if (size !== undefined && name !== undefined) found.push({ name, bytes: Number(size), namespace: undefined });
    else if (namespace !== undefined && last !== undefined) last.namespace = namespace;
  }
  return found.map(({ name, bytes, namespace }) => {
    const parsed = parseArchiveName(name, namespace);
    return {
      node,
      name,
      path: inFolder(name),
      bytes,
      pod: parsed?.pod ?? null,
      namespace: parsed?.namespace ?? null,
      container: parsed?.container ?? null,
      time: parsed?.time ?? null,
    };
  });
}

/** Lists the checkpoint folder of a node; {@link readListing} reads what it prints. */
export const listScript: NodeScript = { text: SCRIPT, args: [archiveFolder] };

/** What was found, and the nodes that could not be looked into. */
export interface Listing {
  readonly archives: readonly ListedArchive[];
  readonly failures: ReadonlyArray<{ readonly node: string; readonly error: unknown }>;
}

/** What a script printed on a node. */
export interface Said {
  readonly node: string;
  readonly printed: string;
}

/**
 * Runs a script on nodes, where their checkpoint folders are seen. A node that cannot be looked into does not hide the others.
 * @param names the nodes; all when undefined
 * @param scriptFor the script for a node
 */
export async function throughNodes(
  ctx: Context,
  kube: Kube,
  access: Access & { readonly writable: boolean },
  names: readonly string[] | undefined,
  scriptFor: (node: string) => NodeScript,
): Promise<{ results: Said[]; failures: Array<{ node: string; error: unknown }> }> {
  const waiting = [...(names ?? (await allNodes(kube)))];
  const results: Said[] = [];
  const failures: Array<{ node: string; error: unknown }> = [];
  const work = async (): Promise<void> => {
    for (let node = waiting.shift(); node !== undefined; node = waiting.shift()) {
      const name = nameOf(node);
      try {
        results.push({ node: name, printed: await runOn(ctx, kube, access, node, scriptFor(name)) });
      } catch (error) {
        if (ctx.signal.aborted) throw ctx.signal.reason;
        failures.push({ node: name, error });
      }
    }
  };
  const outcomes = await Promise.allSettled(Array.from({ length: AT_A_TIME }, work));
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  return { results, failures };
}

const nameOf = (node: string | NodeObject): string => (typeof node === 'string' ? node : (node.metadata?.name ?? ''));

/** Where the node is within reach, the script runs in the same breath as that is found out. */
async function runOn(
  ctx: Context,
  kube: Kube,
  access: Access & { readonly writable: boolean },
  node: string | NodeObject,
  script: NodeScript,
): Promise<string> {
  const { reach, printed } =
    access.way === 'pod' ? { reach: notAsked(nameOf(node)), printed: undefined } : await visitNode(ctx, kube, node, script);
  return printed ?? withFolder(ctx, kube, reach, access, (folder) => folder.run(shell(script)));
}

async function allNodes(kube: Kube): Promise<NodeObject[]> {
  const { items } = await calling(kube, 'the nodes could not be listed', () => kube.core.listNode());
  return items.filter((node) => nameOf(node) !== '');
}

/** The archives on all nodes, by time; those of one namespace when it is named. */
export async function listArchives(ctx: Context, kube: Kube, access: Access, namespace: string | undefined): Promise<Listing> {
  const { results, failures } = await throughNodes(ctx, kube, { ...access, writable: false }, undefined, () => listScript);
  const archives = results
    .flatMap(({ node, printed }) => readListing(node, printed))
    .filter(
      (archive) =>
        namespace === undefined || (archive.namespace === null ? mayBeOf(archive.name, namespace) : archive.namespace === namespace),
    )
    .sort((a, b) => instant(a) - instant(b) || a.name.localeCompare(b.name));
  return { archives, failures };
}

function instant({ time }: ListedArchive): number {
  return time === null ? 0 : Date.parse(time);
}

/** An error for nodes that could not be looked into, with the reason of each. */
export function nodesFailed(what: string, failures: Listing['failures']): ToolkitError {
  const lines = failures.flatMap(({ node, error }) => {
    const details = error instanceof ToolkitError ? error.details : [];
    return [`${node}: ${messageOf(error)}`, ...details.map((line) => `  ${line}`)];
  });
  const hint = failures.map(({ error }) => (error instanceof ToolkitError ? error.hint : undefined)).find((text) => text !== undefined);
  return new ToolkitError(what, { details: lines, hint });
}
