import path from 'node:path';
import { replace } from '../lib/core/files.js';
import { nodeImageNames } from '../lib/core/options.js';
import { file, step } from '../lib/engine/step.js';
import { baseImage } from './base-image.js';

/** Where the layer lies. */
export const networkToolsTar = (build: string): string => path.join(build, 'network-tools.tar');

/** Packs a few programs with the libraries that they load, and busybox for a shell. */
const COLLECT = `set -eu
out=$(mktemp -d)
copy() { for f in "$@"; do cp --parents -L "$f" "$out"; done; }
for program in /usr/sbin/xtables-nft-multi /usr/sbin/nft /usr/sbin/conntrack /usr/bin/busybox; do
  copy "$program"
  copy $(ldd "$program" 2>/dev/null | grep -o '/[^ ]*' || true)
done
for module in $(find /usr/lib -path '*/xtables/*.so'); do copy "$module" $(ldd "$module" | grep -o '/[^ ]*'); done
mkdir -p "$out/bin" "$out/usr/sbin" "$out/tmp" "$out/run" "$out/etc"
for name in iptables iptables-save iptables-restore ip6tables ip6tables-save ip6tables-restore; do
  ln -s xtables-nft-multi "$out/usr/sbin/$name"
done
for name in sh awk cat ip mv sleep tr; do ln -s /usr/bin/busybox "$out/bin/$name"; done
tar --sort=name --owner=0 --group=0 --numeric-owner --mtime=@0 -C "$out" -cf - .
`;

/** A layer with iptables and what goes with it, for the images of kube-proxy and of the pod network. */
export const networkTools = step({
  id: 'network-tools',
  title: 'network tools',
  seconds: 5,
  uses: ['docker'],
  needs: [baseImage],
  options: () => ({ COLLECT }),
  produces: ({ paths }) => [file(networkToolsTar(paths.build))],
  async run(ctx) {
    await replace(networkToolsTar(ctx.paths.build), async (temporary) => {
      await ctx.runner.run(
        'docker',
        ['run', '--rm', '--network=none', '--entrypoint', 'sh', nodeImageNames(ctx.options).base, '-c', COLLECT],
        {
          stdoutFile: temporary,
        },
      );
    });
  },
});
