import { rm } from 'node:fs/promises';
import path from 'node:path';
import { Node } from '../../lib/cluster/node.js';
import { type Context, forCleanup } from '../../lib/core/context.js';
import { ToolkitError } from '../../lib/core/errors.js';
import { makeFolder } from '../../lib/core/files.js';
import type { Kube } from '../../lib/kube/client.js';
import { reachNode, readProviderId } from '../../lib/kube/reach.js';
import { type FetchWay, type Folder, inFolder, withFolder } from '../node-folder.js';
import type { Route } from '../request.js';
import { fetchArchive, placeInFolder, type TransferProgress } from '../transfer.js';
import type { Surroundings } from './surroundings.js';

/** How the files of nodes are got at. */
export interface Access {
  readonly way: FetchWay;
  /** Namespace and image of helper pods. */
  readonly namespace: string;
  readonly image: string;
}

/** Docker's words for a container that runs nothing, and will not by itself. */
const OFF = new Set(['exited', 'dead', 'created']);

/**
 * Does something with the nodes of a cluster: the toolkit's through Docker, any others through helper pods, which are kept until the end.
 * @param progressOf shows how far an archive is that is carried
 */
export async function withSurroundings<T>(
  ctx: Context,
  kube: Kube,
  route: Route,
  access: Access,
  progressOf: (total: number) => TransferProgress,
  act: (around: Surroundings) => Promise<T>,
): Promise<T> {
  const isStopped = (node: string): Promise<boolean> => isOff(forCleanup(ctx), kube, node);
  const folders = new Folders(forCleanup(ctx), kube, access, isStopped);
  try {
    return await act({
      ctx,
      kube,
      route,
      folder: (node) => folders.get(node),
      isStopped,
      processesOf: (node, podUid) => processesOf(forCleanup(ctx), kube, node, podUid),
      carry: (archive, from, to) => carry(ctx, kube, access, { archive, from, to }, progressOf),
    });
  } finally {
    await folders.close();
  }
}

/** The checkpoint folders that are in use; they can be used after the run was stopped, too. */
class Folders {
  private readonly open = new Map<string, Promise<Folder>>();
  private readonly held: Array<Promise<void>> = [];
  private end: () => void = () => undefined;
  private readonly ended = new Promise<void>((resolve) => {
    this.end = resolve;
  });

  constructor(
    private readonly ctx: Context,
    private readonly kube: Kube,
    private readonly access: Access,
    private readonly isStopped: (node: string) => Promise<boolean>,
  ) {}

  async get(node: string): Promise<Folder> {
    // A node that was stopped meanwhile is not to be asked again.
    const opened = this.open.get(node) ?? this.hold(node);
    this.open.set(node, opened);
    try {
      return await opened;
    } catch (error) {
      this.open.delete(node);
      throw error;
    }
  }

  private hold(node: string): Promise<Folder> {
    return new Promise((resolve, reject) => {
      const use = async (): Promise<void> => {
        const reach = await reachNode(this.ctx, this.kube, node);
        if (reach.kind === undefined) await this.refuseSilent(node);
        await withFolder(this.ctx, this.kube, reach, { ...this.access, writable: true }, async (folder) => {
          resolve(folder);
          await this.ended;
        });
      };
      this.held.push(use().catch(reject));
    });
  }

  /** No helper pod would start there. */
  private async refuseSilent(node: string): Promise<void> {
    const object = await this.kube.core.readNode({ name: node });
    const ready = object.status?.conditions?.find(({ type }) => type === 'Ready')?.status === 'True';
    if (!ready || (await this.isStopped(node))) throw new ToolkitError(`node ${node} does not answer`);
  }

  async close(): Promise<void> {
    this.end();
    await Promise.all(this.held);
  }
}

/**
 * Whether a node is a container of this machine's Docker that does not run. As with one that runs, the name alone would not do: the machine
 * ID that the node told the API must be the one in the container.
 */
async function isOff(ctx: Pick<Context, 'runner'>, kube: Kube, name: string): Promise<boolean> {
  const node = await kube.core.readNode({ name }).catch(() => undefined);
  const kind = readProviderId(node?.spec?.providerID ?? '');
  const machineId = node?.status?.nodeInfo?.machineID;
  if (kind?.name !== name || !machineId) return false;
  const run = (args: readonly string[]): Promise<string> =>
    ctx.runner.run('docker', args, { accept: true }).then(
      ({ stdout, exitCode }) => (exitCode === 0 ? stdout : ''),
      () => '',
    );
  if (!OFF.has((await run(['inspect', '--format', '{{.State.Status}}', name])).trim())) return false;
  // As a tar archive.
  return (await run(['cp', `${name}:/etc/machine-id`, '-'])).includes(machineId);
}

async function processesOf(ctx: Context, kube: Kube, name: string, podUid: string): Promise<string[] | undefined> {
  if ((await reachNode(ctx, kube, name)).kind === undefined) return undefined;
  const node = new Node(ctx.runner, name);
  const [{ stdout }, tasks] = await Promise.all([
    node.ctr(['containers', 'ls', '--quiet', `labels."io.kubernetes.pod.uid"==${podUid},labels."io.cri-containerd.kind"==container`]),
    node.tasks(),
  ]);
  const ids = new Set(stdout.split('\n').filter(Boolean));
  return tasks.filter(({ id, status }) => ids.has(id) && status !== 'STOPPED').map(({ id }) => id);
}

/** By way of a file here, with size and SHA-256 compared on each side. */
async function carry(
  ctx: Context,
  kube: Kube,
  access: Access,
  { archive, from, to }: { readonly archive: string; readonly from: string; readonly to: string },
  progressOf: (total: number) => TransferProgress,
): Promise<void> {
  const local = await makeFolder(ctx.paths.tmp, 'migration-');
  const file = path.join(local, 'archive.tar');
  const inFolderOf = async (node: string, writable: boolean, act: (folder: Folder) => Promise<void>): Promise<void> =>
    withFolder(ctx, kube, await reachNode(ctx, kube, node), { ...access, writable }, act);
  try {
    await inFolderOf(from, false, async (folder) => void (await fetchArchive(ctx, folder, inFolder(archive), file, progressOf)));
    await inFolderOf(to, true, async (folder) => {
      await placeInFolder(ctx, folder, file, { usual: archive, copy: archive }, progressOf);
    });
  } finally {
    await rm(local, { recursive: true, force: true });
  }
}
