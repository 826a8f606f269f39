import { task } from '../lib/cli/task.js';
import { bringAbout } from '../lib/engine/bring-about.js';
import { forks } from '../lib/forks/fork.js';
import { editFork, forkNamed } from '../lib/forks/tree.js';
import { goToolchain } from '../steps/go-toolchain.js';

export default task({
  name: 'fork:edit',
  summary: 'Lays out a fork as a git tree to work in: the pinned upstream, one commit a patch. Work in progress is left as it is.',
  flags: {},
  manual: [`NAME is one of ${Object.keys(forks).join(', ')}. The tree lies beside the fork’s go.mod, in the folder tree.`],
  words: 'NAME',
  async run({ words, ctx, print, printJson }) {
    const fork = forkNamed(words[0]);
    await bringAbout(ctx, [goToolchain]);
    const { tree, done, state } = await editFork(ctx, fork);
    print(
      `${tree}: ${done} (${state.commits} commits on the pristine one${state.uncommitted.length > 0 ? `, ${state.uncommitted.length} files not committed` : ''})`,
    );
    if (done !== 'left as it is') print(`Commit what you change, one commit a patch, then: npm run fork:export -- ${fork.name}`);
    printJson({ fork: fork.name, tree, done, ...state });
    return undefined;
  },
});
