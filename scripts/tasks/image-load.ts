import { clusterOptions, nameFlag } from '../lib/cli/cluster-flags.js';
import { task } from '../lib/cli/task.js';
import { type Loaded, loadImage } from '../lib/cluster/image-load.js';
import { UsageError } from '../lib/core/errors.js';
import { bringAbout } from '../lib/engine/bring-about.js';
import { kind } from '../steps/kind.js';

export default task({
  name: 'image:load',
  summary: 'Brings images from Docker to all nodes of the cluster. An image that is there is not sent again.',
  manual: ['For example:', '  npm run image:load -- counter:latest'],
  flags: nameFlag,
  words: 'IMAGE…',
  options: clusterOptions,
  async run({ words, ctx, print, printJson }) {
    if (words.length === 0) throw new UsageError('image:load: name an image', { hint: 'npm run image:load -- counter:latest' });
    await bringAbout(ctx, [kind]);
    const loaded: Loaded[] = [];
    for (const image of words) {
      const result = await loadImage(ctx, image);
      print(result.sentTo.length === 0 ? `${image} is on all nodes already` : `${image} is loaded on ${result.sentTo.join(', ')}`);
      loaded.push(result);
    }
    printJson(loaded.map((result) => ({ ...result })));
    return undefined;
  },
});
