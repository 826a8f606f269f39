import path from 'node:path';
import { followPhases, mmdebstrapPhases } from '../lib/build/phases.js';
import { replace } from '../lib/core/files.js';
import { file, step } from '../lib/engine/step.js';
import { debianSources } from '../lib/host/apt-sources.js';
import { bootstrapDebian, withoutDocumentation } from '../lib/host/mmdebstrap.js';
import { buildPackages } from './build-packages.js';

/** Debian release of the nodes. Its systemd (252) works on hosts with cgroup v1 as well as v2; later ones want v2. */
export const nodeSuite = 'bookworm';

/**
 * The keys that sign the suite, exported out of Debian's package debian-archive-keyring 2023.3+deb12u2 without others' signatures:
 * archive B8B80B5B623EAB6AD8775C45B7C5D7D6350947F8, security 05AB90340C0C5E797F44A8C8254CF3B5AEC0A8F0, release
 * 4D64FEC119C2029067D6E791F8D2585B8783D481. Ubuntu's own package is older than bookworm (22.04) or not installed.
 */
const KEYS = 'images/root-filesystem/keys';

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

const VARIANT = 'minbase';

/** Where the root file system lies, as a tar. */
export const rootFilesystemTar = (build: string): string => path.join(build, 'root-filesystem.tar');

/** The Debian userland of the nodes, every package verified with the keys above. */
export const rootFilesystem = step({
  id: 'root-filesystem',
  title: 'root file system',
  seconds: 150,
  asRoot: true,
  needs: [buildPackages],
  inputs: [KEYS],
  options: () => ({ suite: nodeSuite, packages: Object.values(packages).flat(), variant: VARIANT, dpkgOptions: withoutDocumentation }),
  produces: ({ paths }) => [file(rootFilesystemTar(paths.build))],
  async run(ctx) {
    await replace(rootFilesystemTar(ctx.paths.build), async (temporary) => {
      await bootstrapDebian(
        ctx,
        {
          suite: nodeSuite,
          variant: VARIANT,
          packages: Object.values(packages).flat(),
          dpkgOptions: withoutDocumentation,
          trust: { keys: ctx.paths.inRoot(KEYS) },
          sources: await debianSources(ctx, nodeSuite),
          target: temporary,
        },
        { onEachLine: followPhases(ctx.progress, mmdebstrapPhases), failure: 'the root file system could not be assembled' },
      );
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
