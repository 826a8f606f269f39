import { existsSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { imageId } from '../lib/build/docker-image.js';
import { task } from '../lib/cli/task.js';
import { profileNames, readProfile } from '../lib/cluster/profile.js';
import type { Context } from '../lib/core/context.js';
import { UsageError } from '../lib/core/errors.js';
import { imageNames } from '../lib/core/options.js';
import { nodeImageNamesOf } from '../steps/node-image.js';

export default task({
  name: 'clean',
  summary: 'Removes all that was made: the cache, and the images. Archives of checkpoints go too.',
  manual: ['It refuses while a cluster runs from the images. Go’s own caches stay, and what was installed on the machine.'],
  flags: {},
  async run({ ctx, print, printJson }) {
    const images = [];
    for (const image of allImages(ctx)) if ((await imageId(ctx, image).catch(() => undefined)) !== undefined) images.push(image);
    for (const image of images) {
      const { stdout } = await ctx.runner.run('docker', ['ps', '--all', '--filter', `ancestor=${image}`, '--format', '{{.Names}}']);
      if (stdout !== '')
        throw new UsageError(`${image} is in use`, {
          details: stdout.split('\n'),
          hint: 'Delete the clusters first: npm run cluster:down -- --name NAME',
        });
    }
    if (images.length > 0) await ctx.runner.run('docker', ['image', 'rm', ...images], { failure: 'images could not be removed' });
    const { cache } = ctx.paths;
    for (const name of existsSync(cache) ? await readdir(cache) : []) await rm(`${cache}/${name}`, { recursive: true, force: true });
    print(`removed: ${[...images, cache].join(', ')}`);
    printJson({ images, cache });
    return undefined;
  },
});

/** The images of this instance, those of nodes by every profile there is. */
function allImages({ options, paths }: Pick<Context, 'options' | 'paths'>): Set<string> {
  const profiles = profileNames(paths).map((profile) => readProfile({ paths, options: { profile } }));
  const ofNodes = profiles.flatMap(({ pins }) => Object.values(nodeImageNamesOf(options, pins.containerd)));
  return new Set([...ofNodes, ...Object.values(imageNames(options))]);
}
