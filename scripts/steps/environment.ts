import type { Step } from '../lib/engine/step.js';
import { checkpointctl } from './checkpointctl.js';
import { counterImage } from './counter-image.js';
import { criuCheck, criuOnHost } from './criu.js';
import { kubectlPlugin } from './kubectl-plugin.js';
import { nodeImage } from './node-image.js';

/** What `npm run setup` makes: everything short of a cluster. */
export const environment: readonly Step[] = [criuCheck, criuOnHost, nodeImage, counterImage, checkpointctl, kubectlPlugin];
