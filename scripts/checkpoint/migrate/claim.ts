import * as z from 'zod';
import { archiveFolder } from '../../lib/cluster/kubelet.js';
import type { NodeScript } from '../../lib/cluster/node.js';
import { messageOf, ToolkitError } from '../../lib/core/errors.js';

const time = z.iso.datetime({ offset: true }).optional();
const claimSchema = z.looseObject({
  state: z.enum(['taken', 'restored', 'failed', 'cancelled']),
  /** UID of the pod that took it. */
  podUID: z.string().optional(),
  error: z.string().optional(),
  pausedAt: time,
  dumpedAt: time,
  takenAt: time,
  restoredAt: time,
});

/**
 * What the runtime writes beside an archive that is handed over, as `NAME.claim`. Who makes that file first has the container: the pod
 * that waits for it, or the one that it is taken back for.
 */
export type Claim = z.infer<typeof claimSchema>;

/** `none`: nobody has made the file yet. */
export type ClaimState = Claim['state'] | 'none';

/** Claims by the name of their archive; those that there are. */
export type Claims = ReadonlyMap<string, Claim>;

/** Where the claim of an archive lies. */
export const claimFile = (archive: string): string => `${archiveFolder}/${archive}.claim`;

/** How often a node looks for a claim, seconds. sleep(1) is the only process that this takes meanwhile. */
const LOOK_SECONDS = 0.05;

/** Waits until all are restored or one is settled otherwise, or the time is over; then prints those that there are. */
const WAIT = `folder=$1; rounds=$2; shift 2
all_done() {
  for name; do
    [ -e "$folder/$name.claim" ] || return 1
    case $(cat "$folder/$name.claim") in
      *'"state":"restored"'* | *'"state": "restored"'*) ;;
      *'"state":"taken"'* | *'"state": "taken"'* | '') return 1 ;;
      *) return 0 ;;
    esac
  done
}
until all_done "$@" || [ "$rounds" -le 0 ]; do rounds=$((rounds - 1)); sleep ${LOOK_SECONDS}; done
for name; do [ ! -e "$folder/$name.claim" ] || { printf '%s\\t' "$name"; tr -d '\\n' <"$folder/$name.claim"; echo; }; done`;

/**
 * Prints the claims of archives, once they are settled or the time is over.
 * @param seconds 0: at once
 */
export function claimsScript(archives: readonly string[], seconds: number): NodeScript {
  return { text: WAIT, args: [archiveFolder, String(Math.ceil(seconds / LOOK_SECONDS)), ...archives] };
}

/** Reads what {@link claimsScript} printed. @throws ToolkitError when a claim is none: nobody knows then who has the container */
export function readClaims(printed: string): Claims {
  return new Map(
    printed
      .split('\n')
      .filter((line) => line.includes('\t'))
      .map((line) => {
        const [name = '', text = ''] = line.split('\t', 2);
        // Made, and not written yet: whoever made it has the container all the same.
        return [name, text === '' ? { state: 'taken' } : parseClaim(name, text)];
      }),
  );
}

function parseClaim(name: string, text: string): Claim {
  try {
    return claimSchema.parse(JSON.parse(text));
  } catch (error) {
    throw new ToolkitError(`the claim of ${name} cannot be read`, { details: [text.slice(0, 500), messageOf(error)], cause: error });
  }
}

/** The state of each archive's claim. */
export function claimStates(claims: Claims, archives: readonly string[]): ClaimState[] {
  return archives.map((archive) => claims.get(archive)?.state ?? 'none');
}
