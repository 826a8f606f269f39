import { rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { buildImage } from '../lib/build/docker-image.js';
import { file, step } from '../lib/engine/step.js';
import { dockerEngine } from './docker-engine.js';
import { rootFilesystem, rootFilesystemTar } from './root-filesystem.js';

/** Where the layer lies. */
export const networkToolsTar = (build: string): string => path.join(build, 'network-tools.tar');

/**
 * A layer with iptables and what goes with it, for the images of kube-proxy and of the pod network. Out of the root file system alone:
 * it is the same whatever runtime is in the nodes.
 */
export const networkTools = step({
  id: 'network-tools',
  title: 'network tools',
  seconds: 5,
  uses: ['docker'],
  needs: [dockerEngine, rootFilesystem],
  inputs: ['images/network-tools'],
  produces: ({ paths }) => [file(networkToolsTar(paths.build))],
  async run(ctx) {
    const output = path.join(ctx.paths.tmp, 'network-tools');
    await buildImage(ctx, 'network-tools', {
      dockerfile: ctx.paths.inRoot('images', 'network-tools', 'Dockerfile'),
      files: {
        'root-filesystem.tar': rootFilesystemTar(ctx.paths.build),
        'collect.sh': ctx.paths.inRoot('images', 'network-tools', 'collect.sh'),
      },
      output,
    });
    await rename(path.join(output, path.basename(networkToolsTar(''))), networkToolsTar(ctx.paths.build));
    await rm(output, { recursive: true, force: true });
  },
});
