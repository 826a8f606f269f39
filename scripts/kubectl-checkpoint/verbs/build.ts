import { type ImageName, readImageName } from '../../checkpoint/image/name.js';
import { UsageError } from '../../lib/core/errors.js';
import { refuseMore } from '../flags.js';
import { verb } from './verb.js';

/** What `build` is asked for. */
export interface BuildCommand {
  readonly verb: 'build';
  readonly archive: string;
  readonly image: ImageName;
}

/** `kubectl checkpoint build ARCHIVE -t IMAGE` */
export const build = verb({
  title: 'build',
  own: {
    tag: { type: 'string', short: 't', value: 'IMAGE', help: 'with build: the image’s name' },
    push: { type: 'boolean', help: 'with build: send it to its registry, logged in as docker is' },
  },
  shared: ['output'],
  read(words, flags): BuildCommand {
    const [archive] = words;
    if (archive === undefined)
      throw new UsageError('build: name an archive', { hint: 'kubectl checkpoint POD --output FILE   brings one here.' });
    refuseMore('build', words, 1);
    if (flags.tag === undefined)
      throw new UsageError('build: name the image', { hint: `kubectl checkpoint build ${archive} --tag REGISTRY/NAME:TAG` });
    return { verb: 'build', archive, image: readImageName(flags.tag) };
  },
});
