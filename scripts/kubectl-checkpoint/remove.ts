import path from 'node:path';
import { inFolder } from '../checkpoint/node-folder.js';
import { archiveFolder } from '../lib/cluster/kubelet.js';
import type { Context } from '../lib/core/context.js';
import { ToolkitError, UsageError } from '../lib/core/errors.js';
import type { Kube } from '../lib/kube/client.js';
import { type Access, nodesFailed, throughNodes } from './list.js';

/** An archive that is gone. */
export interface Removed {
  readonly node: string;
  readonly path: string;
}

/**
 * The name of an archive that is to be removed, given by its name or its path on the node.
 * @throws UsageError when it is not one in the checkpoint folder
 */
export function archiveToRemove(word: string): string {
  const name = path.posix.basename(word);
  const inside = word === name || word === inFolder(name);
  if (!inside || !/^checkpoint-[A-Za-z0-9._:+-]+\.tar$/.test(name))
    throw new UsageError(`${word} is no archive in ${archiveFolder}`, {
      hint: 'Name it as kubectl checkpoint ls does, e.g. checkpoint-POD_NAMESPACE-CONTAINER-2026-01-02T03:04:05Z.tar',
    });
  return name;
}

/**
 * Removes archives from the nodes that have them.
 * @param node look on this one alone
 * @throws ToolkitError when one is nowhere, or on several nodes: nothing is removed then
 */
export async function removeArchives(
  ctx: Context,
  kube: Kube,
  access: Access,
  words: readonly string[],
  node: string | undefined,
): Promise<Removed[]> {
  const names = [...new Set(words.map(archiveToRemove))];
  const nodes = node === undefined ? undefined : [node];
  const { results, failures } = await throughNodes(ctx, kube, { ...access, writable: false }, nodes, () => ({
    text: 'cd "$1" || exit 1; shift; for f; do [ -e "$f" ] && echo "$f"; done; true',
    args: [archiveFolder, ...names],
  }));
  if (failures.length > 0) throw nodesFailed('not all nodes could be looked into: nothing was removed', failures);
  const places = names.map((name) => ({
    name,
    on: results.filter(({ printed }) => printed.split('\n').includes(name)).map(({ node }) => node),
  }));
  const absent = places.filter(({ on }) => on.length === 0).map(({ name }) => name);
  if (absent.length > 0)
    throw new ToolkitError(`${absent.join(', ')}: not on ${node === undefined ? 'any node' : `node ${node}`}`, {
      details: ['nothing was removed'],
      hint: 'See: kubectl checkpoint ls',
    });
  const twice = places.find(({ on }) => on.length > 1);
  if (twice !== undefined)
    throw new UsageError(`${twice.name} is on several nodes: ${twice.on.join(', ')}`, {
      details: ['nothing was removed'],
      hint: 'Name one: --node NODE',
    });

  const on = (node: string): string[] => places.filter((place) => place.on.includes(node)).map(({ name }) => inFolder(name));
  const holders = [...new Set(places.flatMap((place) => place.on))];
  const outcome = await throughNodes(ctx, kube, { ...access, writable: true }, holders, (node) => ({
    text: 'rm -f -- "$@"',
    args: on(node),
  }));
  if (outcome.failures.length > 0) throw nodesFailed('not all archives could be removed', outcome.failures);
  return outcome.results.flatMap(({ node }) => on(node).map((file) => ({ node, path: file })));
}
