import { aptChecks } from './apt.js';
import type { Check } from './check.js';
import { criuChecks } from './criu.js';
import { diskChecks } from './disk.js';
import { dockerChecks } from './docker.js';
import { kernelChecks } from './kernel.js';
import { leftoverChecks } from './leftovers.js';
import { networkChecks } from './network.js';
import { portChecks } from './ports.js';
import { proxyChecks } from './proxies.js';
import { sudoChecks } from './sudo.js';
import { systemChecks } from './system.js';

/** All that is looked at, in the order in which it is told. */
export const checks: readonly Check[] = [
  ...systemChecks,
  ...sudoChecks,
  ...aptChecks,
  ...diskChecks,
  ...dockerChecks,
  ...criuChecks,
  ...kernelChecks,
  ...proxyChecks,
  ...networkChecks,
  ...portChecks,
  ...leftoverChecks,
];
