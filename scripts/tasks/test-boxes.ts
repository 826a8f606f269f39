import { removeBoxes } from '../boxes/labels.js';
import { allBoxes, type Box, chosenBoxes, defaultBoxes } from '../boxes/plan.js';
import { type BoxReport, boxCount, boxTable, exitCodeFor } from '../boxes/report.js';
import { FIRST_COMMAND, runBox } from '../boxes/run.js';
import { table } from '../lib/cli/table.js';
import { task } from '../lib/cli/task.js';
import type { Context } from '../lib/core/context.js';
import { bringAbout } from '../lib/engine/bring-about.js';
import { dockerEngine } from '../steps/docker-engine.js';

export default task({
  name: 'test:boxes',
  summary: 'Runs the first command of the README on fresh machines in privileged containers, one after another.',
  manual: [
    'A box is a system, or a system and what is special about it: debian:13, debian:13+apt-lock. Without any, the default ones run.',
    'Each has an init system of its own where that works here, a user with sudo, Docker data on a volume; it gets a clone of HEAD and',
    'shares Go’s caches with this machine. Boxes are removed when they end, also by Ctrl-C; their logs stay. Exit code 1 when a box',
    'failed or none passed; one that this host cannot hold is told as "not here", and is no failure.',
  ],
  flags: {
    list: { type: 'boolean', help: 'show the boxes that there are' },
    keep: { type: 'boolean', help: 'leave boxes that failed running, to look inside' },
    remove: { type: 'boolean', help: 'only remove what earlier runs left or kept' },
  },
  words: '[BOX…]',
  async run({ flags, words, ctx, print, printJson }) {
    const boxes = chosenBoxes(words);
    if (flags.list) {
      const listed = listBoxes(words.length === 0 ? allBoxes() : boxes);
      print(
        table(
          ['box', 'by default', 'what is special'],
          listed.map(({ name, byDefault, summary }) => [name, byDefault ? 'yes' : '', summary]),
        ),
      );
      printJson(listed);
      return undefined;
    }
    if (flags.remove) {
      await removeBoxes(ctx, 'all');
      print('removed: every box, with its volumes, networks and images');
      printJson({ removed: true });
      return undefined;
    }
    await bringAbout(ctx, [dockerEngine]);
    await removeBoxes(ctx, 'abandoned');
    const { stdout: changes } = await ctx.runner.run('git', ['status', '--porcelain', '--untracked-files=no'], { cwd: ctx.paths.root });
    if (changes !== '') ctx.say('boxes get a clone of HEAD: what is not committed is not in it');
    const reports = await tryBoxes(ctx, boxes, flags.keep);
    print(boxTable(reports));
    print(`${FIRST_COMMAND} in ${reports.length} boxes: ${boxCount(reports)}; logs: ${ctx.logs}`);
    printJson(reports.map((report) => ({ ...report })));
    return exitCodeFor(reports);
  },
});

function listBoxes(boxes: readonly Box[]): Array<{ name: string; byDefault: boolean; summary: string; expects: Box['case']['expects'] }> {
  const byDefault = new Set(defaultBoxes().map(({ name }) => name));
  return boxes.map(({ name, case: one }) => ({ name, byDefault: byDefault.has(name), summary: one.summary, expects: one.expects }));
}

/** Runs boxes one after the other. @param keep leave those that failed */
async function tryBoxes(ctx: Context, boxes: readonly Box[], keep: boolean): Promise<BoxReport[]> {
  const reports: BoxReport[] = [];
  try {
    for (const box of boxes) {
      const report = await runBox(ctx, box, { keep });
      ctx.say(`${box.name}: ${report.verdict}${report.minutes === null ? '' : ` after ${report.minutes.toFixed(1)} min`}: ${report.why}`);
      reports.push(report);
    }
  } finally {
    if (!keep || reports.every(({ verdict }) => verdict !== 'failed')) await removeBoxes(ctx, { run: process.pid });
  }
  return reports;
}
