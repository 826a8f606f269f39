import path from 'node:path';
import { clusterFlags, clusterOptions } from '../lib/cli/cluster-flags.js';
import { task } from '../lib/cli/task.js';
import { readClusterConfig } from '../lib/cluster/config.js';
import { loadImage } from '../lib/cluster/image-load.js';
import { kubernetesNodes, Node } from '../lib/cluster/node.js';
import { profileNames, readProfile } from '../lib/cluster/profile.js';
import type { Context } from '../lib/core/context.js';
import { UsageError } from '../lib/core/errors.js';
import { writeAtomically } from '../lib/core/files.js';
import { imageNames, makeOptions } from '../lib/core/options.js';
import { bringAbout } from '../lib/engine/bring-about.js';
import { machineFits } from '../lib/host/doctor/before-run.js';
import { behaviours } from '../proofs/matrix/behaviours.js';
import { tryAll } from '../proofs/matrix/run.js';
import { type Column, merge, page, readColumns } from '../proofs/matrix/table.js';
import { clusterGoals } from '../steps/cluster.js';
import { counterImage } from '../steps/counter-image.js';

export default task({
  name: 'matrix',
  summary: 'Tries what survives a restore on a cluster of each profile, and writes the table of it.',
  manual: [
    'PROFILE names those to be tried (default: all whose runtime restores). It builds and creates what is missing, one cluster after the',
    'other, and they stay. With --record the table goes into docs/compatibility.md; columns of profiles that were not tried stay in it.',
  ],
  flags: {
    config: clusterFlags.config,
    recreate: clusterFlags.recreate,
    record: { type: 'boolean', help: 'write the table into docs' },
  },
  words: '[PROFILE…]',
  options: clusterOptions,
  async run({ ctx, words, flags, print, printJson }) {
    const known = profileNames(ctx.paths);
    const strange = words.find((word) => !known.includes(word));
    if (strange !== undefined)
      throw new UsageError(`there is no profile ${strange}`, { hint: `Profiles: ${known.join(', ')} (cluster/profiles)` });
    const chosen = words.length > 0 ? words : known;
    const columns: Column[] = [];
    for (const profile of chosen) {
      const column = await columnOf(withProfile(ctx, profile));
      if (column !== undefined) columns.push(column);
    }
    const kept = ctx.paths.inRoot('docs', 'compatibility.json');
    const all = merge(await readColumns(kept), columns);
    const table = page(all, behaviours);
    const folder = flags.record ? ctx.paths.inRoot('docs') : ctx.logs;
    await writeAtomically(path.join(folder, 'compatibility.json'), `${JSON.stringify(all, undefined, 1)}\n`);
    await writeAtomically(path.join(folder, 'compatibility.md'), table);
    print(`${table}\nwritten: ${path.join(folder, 'compatibility.md')}`);
    printJson(all);
    return undefined;
  },
});

/** The same run, of another profile: with its own cluster. */
function withProfile(ctx: Context, profile: string): Context {
  const { clusterName: _, ...options } = ctx.options;
  return { ...ctx, options: makeOptions(ctx.paths.root, ctx.env, { ...options, profile }) };
}

/** Tries a profile. @returns nothing when its runtime does not restore */
async function columnOf(ctx: Context): Promise<Column | undefined> {
  const { name, summary, runtime } = readProfile(ctx);
  if (runtime.restore === 'none') return undefined;
  ctx.say(`profile ${name}`);
  const { ports } = await readClusterConfig(ctx.options.clusterConfig);
  await bringAbout(ctx, [...clusterGoals(ctx), counterImage], { before: machineFits(ctx, { ports }) });
  await loadImage(ctx, imageNames(ctx.options).counter);
  const nodes = (await kubernetesNodes(ctx, ctx.options.clusterName)).map((node) => node.name);
  const [first = '', second = first] = nodes;
  const { stdout } = await new Node(ctx.runner, first).run(['containerd', '--version']);
  const version = /\bv?(\d+\.\d+\.\d+\S*)/.exec(stdout)?.[1] ?? stdout.trim();
  const of = {
    profile: name,
    summary,
    runtime: `containerd ${version}`,
    route: runtime.restore,
    nodes: nodes.length,
    date: new Date(ctx.clock.now()).toISOString().slice(0, 10),
  };
  return tryAll(ctx, of, behaviours, { ctx, route: runtime.restore, from: first, to: second });
}
