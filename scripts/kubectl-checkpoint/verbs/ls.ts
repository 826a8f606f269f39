import { clusterFlags, readFetch, refuseMore } from '../flags.js';
import { verb } from './verb.js';

/** `kubectl checkpoint ls` */
export const ls = verb({
  title: 'ls',
  own: {},
  shared: [...clusterFlags, 'namespace'],
  read(words, flags) {
    refuseMore('ls', words, 0);
    return { verb: 'ls', fetch: readFetch(flags.fetch) };
  },
});
