import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { goBuild, wholeRecipe } from '../lib/build/go.js';
import { replace } from '../lib/core/files.js';
import { file, step } from '../lib/engine/step.js';
import { forked, forks } from '../lib/forks/fork.js';
import {
  allKubernetesPrograms,
  checkoutState,
  chosenSource,
  kubernetesBuild,
  kubernetesRecipe,
  kubernetesVersion,
} from '../lib/forks/kubernetes.js';
import { goToolchain } from './go-toolchain.js';

/** Folder of the built programs. */
export const kubernetesFolder = (build: string): string => path.join(build, 'kubernetes');

/** kubeadm, kubelet, kubectl and the programs of the control plane, from the pin and its patches or from `--kubernetes PATH`. */
export const kubernetes = step({
  id: 'kubernetes',
  title: 'Kubernetes',
  seconds: 785,
  needs: [goToolchain],
  inputs: forked(forks.kubernetes).inputs,
  options: async (ctx) => ({
    // First: a path that is no checkout is told as such.
    ...(ctx.options.kubernetes === undefined
      ? {}
      : { checkout: ctx.options.kubernetes, state: await checkoutState(ctx, ctx.options.kubernetes) }),
    version: await kubernetesVersion(ctx),
    ...wholeRecipe(await kubernetesRecipe(ctx, chosenSource(ctx), allKubernetesPrograms)),
  }),
  produces: ({ paths }) => [
    ...allKubernetesPrograms.map((name) => file(path.join(kubernetesFolder(paths.build), name))),
    file(path.join(paths.bin, 'kubectl')),
  ],
  weight: 2,
  async run(ctx) {
    const target = kubernetesFolder(ctx.paths.build);
    await goBuild(ctx, await kubernetesBuild(ctx, chosenSource(ctx), allKubernetesPrograms, target));
    await mkdir(ctx.paths.bin, { recursive: true });
    await replace(path.join(ctx.paths.bin, 'kubectl'), async (temporary) => {
      await ctx.runner.run('cp', [path.join(target, 'kubectl'), temporary]);
    });
  },
});
