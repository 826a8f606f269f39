import { archiveFolder } from '../../lib/cluster/kubelet.js';
import { shell } from '../../lib/cluster/node.js';
import { ToolkitError } from '../../lib/core/errors.js';
import type { World } from './decision.js';
import { archivesOf, isShared, type Journal } from './journal.js';
import type { Surroundings } from './surroundings.js';
import { inFolder } from './world.js';

/** The claims go last: without one, an archive could be taken. */
const REMOVE = `cd "$1" || exit 0; shift
for name; do rm -rf -- "$name"; done
for name; do rm -f -- "$name.claim" "$name.awaited"; done`;

/** Removes what a migration has left in the checkpoint folders of its nodes. Says where it could not look. */
export async function removeRemains(around: Surroundings, journal: Journal): Promise<void> {
  const archives = archivesOf(journal);
  const remove = (node: string): Promise<string | undefined> =>
    inFolder(around, node, (folder) => folder.run(shell({ text: REMOVE, args: [archiveFolder, ...archives] })));
  const nodes = [journal.source.node, journal.target.node];
  if (isShared(journal)) {
    for (const node of nodes) if ((await remove(node)) !== undefined) return;
    around.ctx.say(`what is left of the migration could not be removed: ${archives.map((name) => `${archiveFolder}/${name}`).join(' ')}`);
    return;
  }
  for (const node of nodes) {
    if ((await remove(node)) === undefined)
      around.ctx.say(`node ${node} cannot be reached; there may be left: ${archives.map((name) => `${archiveFolder}/${name}`).join(' ')}`);
  }
}

/**
 * Claims archives for nobody, as the runtime makes a claim: with its content from the first moment on, and only if there is none. One that a
 * taking back has left counts as none: a target goes on waiting at it.
 */
const CLAIMING = `cd "$1" || exit 0; shift
claim() {
  printf '{"state":"failed","pod":"nobody","error":"it was taken back"}' >"$1.nobody" || return
  ln "$1.nobody" "$1.claim" 2>/dev/null || { grep -q '"state": *"cancelled"' "$1.claim" && mv -f "$1.nobody" "$1.claim"; }
  rm -f "$1.nobody"
}`;

/** Claims one after the other, until one has been taken. */
const CLAIM = `${CLAIMING}
for name; do
  claim "$name"
  grep -q '"state": *"failed"' "$name.claim" || { echo taken; exit 0; }
done
echo nobody`;

/**
 * Keeps a target from taking what is carried to it, where that is not in a folder of both nodes.
 * @returns false when it has taken something already
 * @throws ToolkitError when its node cannot be reached, and might take it
 */
export async function cancelOnTarget(around: Surroundings, journal: Journal, node: World['node']): Promise<boolean> {
  if (node === 'stopped') return true;
  const script = shell({ text: CLAIM, args: [archiveFolder, ...archivesOf(journal)] });
  const printed = await inFolder(around, journal.target.node, (folder) => folder.run(script));
  if (printed === undefined)
    throw new ToolkitError(`node ${journal.target.node} cannot be told that pod ${journal.source.pod} does not come`, {
      hint: 'Nothing was changed. Run the same command again when it can be reached.',
    });
  return printed.includes('nobody');
}

/** Claims all that has not been taken, and then waits a moment for those who wait to notice. */
const DISMISS = `${CLAIMING}
for name; do claim "$name"; done
waits() { for name; do [ ! -e "$name.awaited" ] || return 0; done; return 1; }
n=40; while [ "$n" -gt 0 ] && waits "$@"; do n=$((n - 1)); sleep 0.05; done`;

/**
 * Ends the waiting of a target's containers, whose pod has been deleted. The kubelet does not end it: until its deadline, two minutes, the
 * pod would stay on its node.
 */
export async function dismissTarget(around: Surroundings, journal: Journal): Promise<void> {
  const script = shell({ text: DISMISS, args: [archiveFolder, ...archivesOf(journal)] });
  await inFolder(around, journal.target.node, (folder) => folder.run(script));
}
