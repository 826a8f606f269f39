import type { Context } from '../../lib/core/context.js';
import type { Kube } from '../../lib/kube/client.js';
import type { Route } from '../request.js';

/** The checkpoint folder of a node. */
export interface NodeFolder {
  readonly node: string;
  /** Runs a command where the folder is seen under its own path. @returns its standard output */
  run(command: readonly string[]): Promise<string>;
}

/** What a migration works with. */
export interface Surroundings {
  readonly ctx: Context;
  readonly kube: Kube;
  /** Whom to ask for handovers. */
  readonly route: Route;
  /** The checkpoint folder of a node. @throws ToolkitError when it cannot be reached */
  folder(node: string): Promise<NodeFolder>;
  /** Whether it is certain that a node runs nothing: it is a container of this machine, and does not run. */
  isStopped(node: string): Promise<boolean>;
  /**
   * IDs of the containers of a pod that have a process on a node; undefined where nobody can look. An object that is gone from the API proves
   * nothing when it was deleted by force.
   */
  processesOf(node: string, podUid: string): Promise<readonly string[] | undefined>;
  /** Brings an archive from the folder of one node into that of another: whole or not at all. */
  carry(archive: string, from: string, to: string): Promise<void>;
}
