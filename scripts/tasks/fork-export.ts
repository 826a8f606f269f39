import { task } from '../lib/cli/task.js';
import { exportFork, forkNamed } from '../lib/forks/tree.js';

export default task({
  name: 'fork:export',
  summary: 'Writes the commits of a fork’s editable tree back as its patch series.',
  flags: {},
  manual: ['Each commit on top of the pristine one becomes a patch. What is not committed is refused.'],
  words: 'NAME',
  async run({ words, ctx, print, printJson }) {
    const fork = forkNamed(words[0]);
    const { patches, changed } = await exportFork(ctx, fork);
    print(
      changed.length === 0 ? `nothing has changed: ${patches.length} patches` : [`${patches.length} patches:`, ...changed].join('\n  '),
    );
    printJson({ fork: fork.name, patches, changed });
    return undefined;
  },
});
