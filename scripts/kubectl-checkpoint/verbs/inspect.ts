import { UsageError } from '../../lib/core/errors.js';
import { refuseMore } from '../flags.js';
import { verb } from './verb.js';

/** `kubectl checkpoint inspect FILE` */
export const inspect = verb({
  title: 'inspect',
  own: {},
  shared: [],
  read(words) {
    const [file] = words;
    if (file === undefined)
      throw new UsageError('inspect: name a file', { hint: 'kubectl checkpoint POD --output FILE   brings an archive here.' });
    refuseMore('inspect', words, 1);
    return { verb: 'inspect', file };
  },
});
