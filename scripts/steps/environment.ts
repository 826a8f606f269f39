import type { Profile } from '../lib/cluster/profile.js';
import type { Step } from '../lib/engine/step.js';
import { checkpointctl } from './checkpointctl.js';
import { counterImage } from './counter-image.js';
import { criuCheck, criuOnHost } from './criu.js';
import { kubectlPlugin } from './kubectl-plugin.js';
import { nodeImageOf } from './node-image.js';

/** What `npm run setup` makes: everything short of a cluster of this profile. */
export function environmentOf({ pins }: Pick<Profile, 'pins'>): readonly Step[] {
  return [criuCheck, criuOnHost, nodeImageOf(pins.containerd), counterImage, checkpointctl, kubectlPlugin];
}
