import semver from 'semver';
import { task } from '../lib/cli/task.js';
import { UsageError } from '../lib/core/errors.js';
import { bringAbout } from '../lib/engine/bring-about.js';
import { abortBump, bumpFork, continueBump } from '../lib/forks/bump.js';
import { forkNamed } from '../lib/forks/tree.js';
import { goToolchain } from '../steps/go-toolchain.js';

export default task({
  name: 'fork:bump',
  summary: 'Moves a fork’s pin to another version and replays its patches there.',
  flags: {
    continue: { type: 'boolean', help: 'go on after conflicts have been resolved' },
    abort: { type: 'boolean', help: 'give it up: the pin and the patches stay as they were' },
  },
  manual: [
    'At a conflict it names the files and stops: resolve them in the tree, git am --continue, then npm run fork:bump -- NAME --continue.',
    'Until then the pin and the patches in the checkout stay as they were.',
  ],
  words: 'NAME [VERSION]',
  async run({ flags, words, ctx, print, printJson }) {
    const fork = forkNamed(words[0]);
    await bringAbout(ctx, [goToolchain]);
    if (flags.abort) {
      await abortBump(ctx, fork);
      print(`${fork.name}: given up, the pin is where it was`);
      printJson({ fork: fork.name, aborted: true });
      return;
    }
    const version = words[1];
    if (!flags.continue && (version === undefined || semver.valid(version) === null || !version.startsWith('v'))) {
      throw new UsageError(`fork:bump: ${version ?? 'no version'} is not a version such as v1.32.3`);
    }
    const { from, to, patches } = flags.continue ? await continueBump(ctx, fork) : await bumpFork(ctx, fork, version ?? '');
    print(`${fork.name}: ${from} → ${to}, ${patches.length} patches. Look at the change (git diff), build and test, then commit.`);
    printJson({ fork: fork.name, from, to, patches: [...patches] });
    return;
  },
});
