import { open } from 'node:fs/promises';
import path from 'node:path';
import { shell } from '../lib/cluster/node.js';
import { ToolkitError, UsageError } from '../lib/core/errors.js';
import { architectureOf, identityIn, readArchive } from './archive.js';
import { type Folder, inFolder } from './node-folder.js';

/** Where an archive is: a file here, or in the checkpoint folder of a node. */
export type ArchivePlace = { readonly file: string } | { readonly node: string; readonly name: string };

/** An archive that a container is to be restored from, and what it says of itself. */
export interface RestoreArchive {
  readonly place: ArchivePlace;
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  readonly image: string;
  /** Of its processes, as Go names it; undefined: it cannot be told. */
  readonly architecture: string | undefined;
  /** The pod that it was of; undefined: it does not hold that. */
  readonly podDump: string | undefined;
}

/** How a place is written: as the command takes it. */
export function placeText(place: ArchivePlace): string {
  return 'file' in place ? place.file : `${place.node}:${place.name}`;
}

/**
 * Reads an archive that lies here.
 * @throws UsageError when it cannot be read; ToolkitError when it is cut off, or no archive of a pod's container
 */
export async function readLocalArchive(word: string): Promise<RestoreArchive> {
  const file = path.resolve(word);
  const content = await hasEnd(file)
    .then((whole) => {
      if (!whole) throw notWhole(file, file);
      return readArchive(file);
    })
    .catch((error: unknown) => {
      const { code } = ((error instanceof ToolkitError ? error.cause : error) ?? {}) as { code?: unknown };
      if (code === 'ENOENT' || code === 'EACCES' || code === 'EISDIR')
        throw new UsageError(`the archive cannot be read: ${file}`, {
          details: [code === 'ENOENT' ? 'There is no such file.' : code === 'EISDIR' ? 'It is a folder.' : 'This user may not read it.'],
          hint: 'An archive on a node: --from NODE:NAME; kubectl checkpoint ls   lists them.',
        });
      throw error;
    });
  return ofPod({ file }, content);
}

/** What ends a tar file: two blocks of zeros. A parser takes the end of the file for it, too. */
const END_BYTES = 1024;
const BLOCK_BYTES = 512;

async function hasEnd(file: string): Promise<boolean> {
  const handle = await open(file);
  try {
    const { size } = await handle.stat();
    const end = Buffer.alloc(END_BYTES, 1);
    if (size >= END_BYTES) await handle.read(end, 0, END_BYTES, size - END_BYTES);
    return size % BLOCK_BYTES === 0 && end.every((byte) => byte === 0);
  } finally {
    await handle.close();
  }
}

function notWhole(place: string, file: string): ToolkitError {
  return new ToolkitError(`${place} is not a whole checkpoint archive`, { details: [`it is cut off, or something else: ${file}`] });
}

/** A part that is longer is not read to its end: an archive may come from anybody. Bytes. */
const MOST_BYTES = 16 * 1024 * 1024;
/** What is read of an archive on a node. A process has the number 1 there, unless its pod shares its processes. */
const PARTS = ['spec.dump', 'config.dump', 'pod.dump', 'checkpoint/core-1.img'] as const;

/**
 * Prints `absent`, `broken`, or the parts of an archive, one a line in Base64, empty where it has none. Reads from standard input,
 * because GNU tar takes a name with a colon for one of another machine.
 */
const SCRIPT = `cd "$1" && [ -f "$2" ] && [ ! -L "$2" ] || { echo absent; exit 0; }
[ "$(tail -c 1024 "$2" | tr -d '\\0' | wc -c)" -eq 0 ] && tar -tf - <"$2" >/dev/null 2>&1 || { echo broken; exit 0; }
file=$2; most=$3; shift 3
for part; do tar -xOf - "$part" <"$file" 2>/dev/null | head -c "$most" | base64 | tr -d '\\n'; echo; done`;

/**
 * Reads an archive in the checkpoint folder of a node.
 * @throws UsageError when there is none of that name; ToolkitError when it is cut off, or no archive of a pod's container
 */
export async function readNodeArchive(folder: Folder, name: string): Promise<RestoreArchive> {
  const place = { node: folder.node, name };
  const printed = await folder.run(shell({ text: SCRIPT, args: [inFolder(''), name, String(MOST_BYTES), ...PARTS] }));
  if (printed.startsWith('absent'))
    throw new UsageError(`there is no archive ${name} on node ${folder.node}`, { hint: 'kubectl checkpoint ls   lists them.' });
  const [spec = '', config = '', pod = '', core = ''] = printed.split('\n').map((line) => Buffer.from(line, 'base64'));
  if (printed.startsWith('broken') || spec.length === 0 || config.length === 0) throw notWhole(placeText(place), inFolder(name));
  return ofPod(place, {
    ...identityIn(spec.toString(), config.toString(), placeText(place)),
    podDump: pod.length === 0 ? undefined : pod.toString(),
    architecture: typeof core === 'string' ? undefined : architectureOf(core),
  });
}

function ofPod(
  place: ArchivePlace,
  {
    namespace,
    pod,
    container,
    image,
    architecture,
    podDump,
  }: { [name in keyof Omit<RestoreArchive, 'place'>]: RestoreArchive[name] | undefined },
): RestoreArchive {
  if (namespace === undefined || pod === undefined || container === undefined)
    throw new ToolkitError(`${placeText(place)} is no checkpoint of a pod’s container that containerd made`, {
      details: ['it does not say of which container it is'],
    });
  return { place, namespace, pod, container, image: image ?? '', architecture, podDump };
}
