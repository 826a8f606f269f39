import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import * as tar from 'tar';
import { put, temporaryFolder } from './context.js';

/** What a checkpoint archive holds at least, by name. */
const MEMBERS: Readonly<Record<string, string>> = {
  'spec.dump': JSON.stringify({
    annotations: {
      'io.kubernetes.cri.container-name': 'main',
      'io.kubernetes.cri.sandbox-name': 'counter',
      'io.kubernetes.cri.sandbox-namespace': 'shop',
    },
  }),
  'status.dump': '{}',
  'checkpoint/inventory.img': 'inventory',
};

const CONFIG: Readonly<Record<string, string>> = { id: 'abc', name: 'main_counter', rootfsImageName: 'docker.io/library/counter:latest' };

/** Writes a checkpoint archive. @param pagesBytes of the memory in it @param without members that it lacks @param config its config.dump */
export async function checkpointArchive({ pagesBytes = 4096, without = [] as readonly string[], config = CONFIG } = {}): Promise<string> {
  const folder = temporaryFolder();
  const content = path.join(folder, 'content');
  const members = Object.entries({ ...MEMBERS, 'config.dump': JSON.stringify(config) }).filter(([name]) => !without.includes(name));
  for (const [name, text] of members) await put(path.join(content, name), text);
  await mkdir(path.join(content, 'checkpoint'), { recursive: true });
  await writeFile(path.join(content, 'checkpoint', 'pages-1.img'), Buffer.alloc(pagesBytes, 'memory '));
  const file = path.join(folder, 'archive.tar');
  await tar.create({ file, cwd: content }, [...members.map(([name]) => name), 'checkpoint/pages-1.img']);
  return file;
}
