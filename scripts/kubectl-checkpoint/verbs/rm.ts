import { UsageError } from '../../lib/core/errors.js';
import { clusterFlags, readFetch } from '../flags.js';
import { verb } from './verb.js';

/** `kubectl checkpoint rm ARCHIVE…` */
export const rm = verb({
  title: 'rm',
  own: {},
  shared: [...clusterFlags, 'node'],
  read(words, flags) {
    if (words.length === 0) throw new UsageError('rm: name an archive', { hint: 'kubectl checkpoint ls   lists them.' });
    return { verb: 'rm', archives: words, fetch: readFetch(flags.fetch) };
  },
});
