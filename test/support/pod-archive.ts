import { readdir } from 'node:fs/promises';
import path from 'node:path';
import * as tar from 'tar';
import { put, temporaryFolder } from './context.js';

/** A container's checkpoint, as far as tests tell them apart. */
export interface ArchiveOf {
  readonly namespace?: string;
  readonly pod?: string;
  readonly container?: string;
  /** What is in it as `pod.dump`; undefined: nothing. */
  readonly podDump?: object | string | undefined;
  /** CRIU's number of the machine: 1 is amd64, 3 arm64. */
  readonly machine?: number;
}

/** Writes a checkpoint archive as our containerd does. @returns its path */
export async function archiveFile(
  { namespace = 'shop', pod = 'web', container = 'main', podDump, machine = 1 }: ArchiveOf = {},
  name = 'a.tar',
): Promise<string> {
  const folder = temporaryFolder();
  const source = path.join(folder, 'source');
  const annotations = {
    'io.kubernetes.cri.sandbox-name': pod,
    'io.kubernetes.cri.sandbox-namespace': namespace,
    'io.kubernetes.cri.container-name': container,
  };
  const core = Buffer.alloc(64);
  core[12] = 8;
  core[13] = machine;
  await put(path.join(source, 'spec.dump'), JSON.stringify({ annotations }));
  await put(path.join(source, 'config.dump'), JSON.stringify({ id: 'b0fa', name: container, rootfsImageName: 'web:1' }));
  await put(path.join(source, 'checkpoint', 'inventory.img'), 'i');
  await put(path.join(source, 'checkpoint', 'core-1.img'), core);
  await put(path.join(source, 'checkpoint', 'pages-1.img'), Buffer.alloc(70_000, 'p'));
  if (podDump !== undefined) await put(path.join(source, 'pod.dump'), typeof podDump === 'string' ? podDump : JSON.stringify(podDump));
  const file = path.join(folder, name);
  await tar.create({ cwd: source, file, portable: true }, await readdir(source));
  return file;
}

/** A pod of one container `main`, as the kubelet puts it into archives. */
export function dumpedPod(
  change: { name?: string; namespace?: string; uid?: string; containers?: readonly string[]; spec?: object } = {},
): object {
  const { name = 'web', namespace = 'shop', uid = 'u1', containers = ['main'], spec = {} } = change;
  return {
    metadata: { name, namespace, uid, labels: { app: 'web' }, creationTimestamp: null },
    spec: { nodeName: 'node-1', containers: containers.map((one) => ({ name: one, image: 'web:1' })), ...spec },
    status: {},
  };
}
