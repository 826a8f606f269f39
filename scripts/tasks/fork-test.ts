import { task } from '../lib/cli/task.js';
import { bringAbout } from '../lib/engine/bring-about.js';
import { testFork } from '../lib/forks/test.js';
import { chosenForks } from '../lib/forks/tree.js';
import { goToolchain } from '../steps/go-toolchain.js';

export default task({
  name: 'fork:test',
  summary: 'Runs the Go tests that come with the patches of the forks (or of one): only the packages that they touch.',
  flags: {},
  words: '[NAME]',
  async run({ words, ctx, print, printJson }) {
    await bringAbout(ctx, [goToolchain]);
    const tested = [];
    for (const fork of chosenForks(words)) {
      ctx.say(`go test: ${fork.name}`);
      const packages = await testFork(ctx, fork);
      print([`${fork.name}: ${packages.length} packages pass`, ...packages].join('\n  '));
      tested.push({ fork: fork.name, packages });
    }
    printJson(tested);
    return undefined;
  },
});
