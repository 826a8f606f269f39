import path from 'node:path';
import { followPhases, mmdebstrapPhases } from '../lib/build/phases.js';
import { replace } from '../lib/files.js';
import { debianSources } from '../lib/host/apt-sources.js';
import { asRoot } from '../lib/runner.js';
import { file, step } from '../lib/step.js';
import { buildPackages } from './build-packages.js';

/** Debian release of the nodes. Its systemd (252) works on hosts with cgroup v1 as well as v2; later ones want v2. */
export const nodeSuite = 'bookworm';

/** What the nodes need beside Debian's minimal set. */
const packages = {
  'the init system, as kind nodes run it': ['systemd', 'dbus'],
  'kubelet, kube-proxy, containerd': [
    'conntrack',
    'iptables',
    'nftables',
    'iproute2',
    'ethtool',
    'util-linux',
    'mount',
    'kmod',
    'libseccomp2',
    'pigz',
    'socat',
  ],
  'the scripts of kind, and people': ['bash', 'ca-certificates', 'curl', 'jq', 'procps', 'hostname', 'iputils-ping'],
  CRIU: ['libprotobuf-c1', 'libnl-3-200', 'libnet1', 'libbsd0', 'libcap2', 'libnftables1', 'libgnutls30', 'libuuid1', 'libdrm2'],
  'the counter and the storage helper': ['busybox-static'],
} as const;

/** Where the root file system lies, as a tar. */
export const rootFilesystemTar = (build: string): string => path.join(build, 'root-filesystem.tar');

/** The Debian userland of the nodes, every package verified by apt. */
export const rootFilesystem = step({
  id: 'root-filesystem',
  title: 'root file system',
  seconds: 60,
  asRoot: true,
  needs: [buildPackages],
  options: () => ({ suite: nodeSuite, packages: Object.values(packages).flat() }),
  produces: ({ paths }) => [file(rootFilesystemTar(paths.build))],
  async run(ctx) {
    await replace(rootFilesystemTar(ctx.paths.build), async (temporary) => {
      const include = Object.values(packages).flat().join(',');
      // Documentation and translations would be a quarter of the image.
      const trim = ['path-exclude=/usr/share/doc/*', 'path-exclude=/usr/share/man/*', 'path-exclude=/usr/share/locale/*'].map(
        (option) => `--dpkgopt=${option}`,
      );
      const [program, args] = asRoot('mmdebstrap', [
        '--variant=minbase',
        '--format=tar',
        ...trim,
        `--include=${include}`,
        nodeSuite,
        temporary,
        // Without any, mmdebstrap takes Debian's own.
        ...(await debianSources(ctx, nodeSuite)),
      ]);
      await ctx.runner.run(program, args, {
        onEachLine: followPhases(ctx.progress, mmdebstrapPhases),
        failure: 'the root file system could not be assembled',
        hint: 'mmdebstrap fetches Debian packages: check the network. On Ubuntu it needs debian-archive-keyring.',
      });
    });
  },
});

/** busybox, taken out of the root file system: a shell and tools in one static program. */
export const busybox = step({
  id: 'busybox',
  title: 'busybox',
  needs: [rootFilesystem],
  produces: ({ paths }) => [file(path.join(paths.build, 'busybox'))],
  async run(ctx) {
    await replace(path.join(ctx.paths.build, 'busybox'), async (temporary) => {
      await ctx.runner.run('tar', ['-xf', rootFilesystemTar(ctx.paths.build), '--to-stdout', './usr/bin/busybox'], {
        stdoutFile: temporary,
      });
      await ctx.runner.run('chmod', ['0755', temporary]);
    });
  },
});
