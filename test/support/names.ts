import { imageNames, makeOptions } from '../../scripts/lib/core/options.js';

const options = makeOptions('.', process.env, {});

/** The cluster that the e2e tests use. */
export const clusterName = options.clusterName;

/** The counter image of this instance. */
export const counterImage = imageNames(options).counter;
