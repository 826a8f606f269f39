/** What all annotations about restores have behind their first word. */
const DOMAIN = 'checkpoint.containerd.io';

/** The annotation of a pod that names the archive, in its node's checkpoint folder, that one of its containers starts from. */
export const restoreAnnotation = (container: string): string => `restore.${DOMAIN}/${container}`;

/** The annotation of a pod whose container goes back to its archive whenever it has ended: "true". */
export const rewindAnnotation = (container: string): string => `rewind.${DOMAIN}/${container}`;

/** The annotation of a pod whose container is made, and then waits for what its restore annotation names: "true". */
export const awaitAnnotation = (container: string): string => `await.${DOMAIN}/${container}`;

/** An annotation of a pod that was moved, or restored by a command. */
export const migrationAnnotation = (what: string): string => `migration.${DOMAIN}/${what}`;

/** The annotation that keeps the name which a pod had before it was restored for the first time. */
export const baseNameAnnotation = migrationAnnotation('base-name');

/** Whether an annotation says how a pod was restored or moved: true of all the above. */
export function isOfRestore(annotation: string): boolean {
  return /^(restore|rewind|await|migration)\.checkpoint\.containerd\.io\//.test(annotation);
}
