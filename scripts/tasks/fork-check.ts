import { task } from '../lib/cli/task.js';
import { bringAbout } from '../lib/engine/bring-about.js';
import { checkFork, chosenForks } from '../lib/forks/tree.js';
import { goToolchain } from '../steps/go-toolchain.js';

export default task({
  name: 'fork:check',
  summary: 'Proves that the series of the forks (or of one) apply to their pins, and export to the same bytes again.',
  flags: {},
  words: '[NAME]',
  async run({ words, ctx, print, printJson }) {
    await bringAbout(ctx, [goToolchain]);
    const checked = [];
    for (const fork of chosenForks(words)) {
      const { patches, version } = await checkFork(ctx, fork);
      print(`${fork.name} ${version}: ${patches} patches apply and export to the same bytes`);
      checked.push({ fork: fork.name, version, patches });
    }
    printJson(checked);
    return undefined;
  },
});
