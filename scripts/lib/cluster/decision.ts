import { ToolkitError } from '../core/errors.js';
import type { NodeContainer } from './node.js';

/** What is known about a cluster, before anything is done about it. */
export interface ClusterFacts {
  readonly name: string;
  /** The node containers of that name, whoever made them. */
  readonly nodes: ReadonlyArray<Pick<NodeContainer, 'name' | 'id' | 'state'>>;
  /** True when its creation was begun from here and not finished: the run was killed. */
  readonly unfinished: boolean;
  /** Undefined when no cluster of that name was made from here. */
  readonly made:
    | {
        /** See {@link nodeIds}. */
        readonly nodes: string | undefined;
        /** What it was made of and is another now: its configuration, Kubernetes, the node image. */
        readonly changed: readonly string[];
      }
    | undefined;
  /** True when the user said that what runs in it may be lost. */
  readonly recreate: boolean;
}

/** What is to be done so that the cluster is up and is the one that was asked for. */
export type ClusterDecision =
  | { readonly do: 'nothing' | 'create' | 're-create' }
  | { readonly do: 'start'; readonly nodes: readonly string[] }
  | { readonly do: 'refuse'; readonly reason: ToolkitError };

/** The node containers of a cluster as one text: another one when any of them is another container. */
export function nodeIds(nodes: ReadonlyArray<Pick<NodeContainer, 'id'>>): string {
  return nodes.map(({ id }) => id).join(' ');
}

/** Decides about a cluster. One that may hold somebody's work is deleted only when the user said so. */
export function decide({ name, nodes, unfinished, made, recreate }: ClusterFacts): ClusterDecision {
  if (nodes.length === 0) return { do: 'create' };
  if (recreate || unfinished) return { do: 're-create' };
  if (made === undefined) return { do: 'refuse', reason: notFromHere(name) };
  if (made.changed.length > 0 || made.nodes !== nodeIds(nodes)) return { do: 'refuse', reason: outdated(name, made.changed) };
  const stopped = nodes.filter(({ state }) => state !== 'running').map((node) => node.name);
  return stopped.length === 0 ? { do: 'nothing' } : { do: 'start', nodes: stopped };
}

function notFromHere(name: string): ToolkitError {
  return new ToolkitError(`a cluster called ${name} exists that was not made from here`, {
    hint: 'Choose another name (--name), or have it made anew: npm run cluster:up -- --recreate',
  });
}

function outdated(name: string, changed: readonly string[]): ToolkitError {
  return new ToolkitError(`cluster ${name} would have to be made anew`, {
    details: [changed.length === 0 ? 'its nodes are not the ones that were made' : `changed since it was made: ${changed.join(', ')}`],
    hint: 'What runs in it would be lost, so say so: npm run cluster:up -- --recreate',
  });
}
