import { ToolkitError } from '../lib/core/errors.js';
import { step } from '../lib/engine/step.js';
import { hasApt, installPackages, missingPackages } from '../lib/host/apt.js';

/** Packages that the builds need, by what needs them. The names hold on Debian 12, 13 and forky, and on Ubuntu from 22.04 on. */
export const packagesFor = {
  'every build': ['build-essential', 'ca-certificates', 'curl', 'git', 'pkg-config', 'xz-utils'],
  CRIU: [
    'libprotobuf-dev',
    'libprotobuf-c-dev',
    'protobuf-c-compiler',
    'protobuf-compiler',
    'python3-protobuf',
    'libnl-3-dev',
    'libcap-dev',
    'libbsd-dev',
    'iproute2',
    'nftables',
    'libnet1-dev',
    'libaio-dev',
    'libdrm-dev',
    'uuid-dev',
    'libgnutls28-dev',
    'libnftables-dev',
  ],
  runc: ['libseccomp-dev'],
  'the root file system': ['mmdebstrap'],
} as const;

const all: readonly string[] = Object.values(packagesFor).flat();

export const buildPackages = step({
  id: 'build-packages',
  title: 'build packages',
  seconds: 30,
  uses: ['apt'],
  asRoot: true,
  async check({ runner }) {
    const missing = await missingPackages(runner, all);
    return missing.length === 0 ? undefined : `missing: ${missing.join(' ')}`;
  },
  async run(ctx) {
    const missing = await missingPackages(ctx.runner, all);
    if (!(await hasApt(ctx.runner))) {
      throw new ToolkitError('build packages are missing and there is no apt-get to install them with', {
        hint: `Install by hand: ${missing.join(' ')}`,
      });
    }
    await installPackages(ctx, missing);
  },
});
