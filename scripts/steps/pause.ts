import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { ToolkitError } from '../lib/errors.js';
import { writeAtomically } from '../lib/files.js';
import { forks } from '../lib/fork.js';
import { moduleFolder, readPin } from '../lib/go.js';
import { compileStatic } from '../lib/static-program.js';
import { file, step } from '../lib/step.js';
import { buildPackages } from './build-packages.js';
import { goToolchain } from './go-toolchain.js';

/** The program of pod sandboxes, from the Kubernetes module. */
export const pause = step({
  id: 'pause',
  title: 'pause',
  needs: [buildPackages, goToolchain],
  inputs: [`${forks.kubernetes.folder}/go.mod`],
  produces: ({ paths }) => [file(path.join(paths.build, 'pause')), file(path.join(paths.build, 'pause.version'))],
  async run(ctx) {
    const pin = await readPin(ctx.paths.inRoot(forks.kubernetes.folder));
    const folder = path.join(await moduleFolder(ctx, pin, forks.kubernetes.module), 'build', 'pause');
    const version = /^TAG \?= (\S+)$/m.exec(await readFile(path.join(folder, 'Makefile'), 'utf8'))?.[1];
    if (version === undefined) throw new ToolkitError(`${folder}/Makefile names no version of pause`);
    await compileStatic(ctx, path.join(folder, 'linux', 'pause.c'), path.join(ctx.paths.build, 'pause'), [`-DVERSION=v${version}`]);
    await writeAtomically(path.join(ctx.paths.build, 'pause.version'), `${version}\n`);
  },
});
