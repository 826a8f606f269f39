import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { compilation, compileStatic } from '../lib/build/c-program.js';
import { moduleFolder, readPin } from '../lib/build/go.js';
import { ToolkitError } from '../lib/core/errors.js';
import { writeAtomically } from '../lib/core/files.js';
import { file, step } from '../lib/engine/step.js';
import { forks } from '../lib/forks/fork.js';
import { buildPackages } from './build-packages.js';
import { goToolchain } from './go-toolchain.js';

/** Its folder in the Kubernetes module, and its source there. */
const FOLDER = 'build/pause';
const SOURCE = 'linux/pause.c';

const flags = (version: string): string[] => [`-DVERSION=v${version}`];

/** The program of pod sandboxes, from the Kubernetes module. */
export const pause = step({
  id: 'pause',
  title: 'pause',
  needs: [buildPackages, goToolchain],
  inputs: [`${forks.kubernetes.folder}/go.mod`],
  options: async () => ({ source: `${FOLDER}/${SOURCE}`, ...(await compilation(flags('VERSION'))) }),
  produces: ({ paths }) => [file(path.join(paths.build, 'pause')), file(path.join(paths.build, 'pause.version'))],
  async run(ctx) {
    const pin = await readPin(ctx.paths.inRoot(forks.kubernetes.folder));
    const folder = path.join(await moduleFolder(ctx, pin, forks.kubernetes.module), FOLDER);
    const version = /^TAG \?= (\S+)$/m.exec(await readFile(path.join(folder, 'Makefile'), 'utf8'))?.[1];
    if (version === undefined) throw new ToolkitError(`${folder}/Makefile names no version of pause`);
    await compileStatic(ctx, path.join(folder, SOURCE), path.join(ctx.paths.build, 'pause'), flags(version));
    await writeAtomically(path.join(ctx.paths.build, 'pause.version'), `${version}\n`);
  },
});
