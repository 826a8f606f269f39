import { type Profile, readProfile } from '../../scripts/lib/cluster/profile.js';
import { makePaths } from '../../scripts/lib/core/paths.js';
import { checkout } from './checkout.js';

/** A profile of the checkout. */
export function profileNamed(profile: string): Profile {
  return readProfile({ paths: makePaths(checkout), options: { profile } });
}

export const defaultProfile = profileNamed('default');
