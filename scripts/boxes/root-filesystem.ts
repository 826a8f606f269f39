import path from 'node:path';
import { ToolkitError } from '../lib/core/errors.js';
import { replace } from '../lib/core/files.js';
import type { Paths } from '../lib/core/paths.js';
import { shWord } from '../lib/core/shell.js';
import { file, type Step, type StepContext, step } from '../lib/engine/step.js';
import { installPackages, missingPackages } from '../lib/host/apt.js';
import { readReachSettings } from '../lib/host/apt-settings.js';
import { DEBIAN_KEYRING, debianSources } from '../lib/host/apt-sources.js';
import { bootstrapDebian, withoutDocumentation } from '../lib/host/mmdebstrap.js';
import { buildPackages } from '../steps/build-packages.js';
import { dockerEngine } from '../steps/docker-engine.js';
import { imageOf, labelFlags, labelsOf } from './labels.js';
import { type BoxSystem, hasNodeInApt } from './systems.js';

/** What a cloud image or an installer brings beyond a minimal system, and the first command cannot do without. */
const packagesOf = (system: BoxSystem): string[] => [
  'systemd-sysv',
  'sudo',
  'ca-certificates',
  ...(hasNodeInApt(system) ? ['nodejs', 'npm'] : []),
];

/** What an image of a registry lacks of that: it holds even less than a minimal system. */
const beyondImage = ['dbus', 'iproute2', 'procps', 'tzdata'] as const;

/** What the installer puts on every machine. */
const VARIANT = 'important';

const PREPARE = 'images/box/prepare.sh';

/** Where the root file system of a system lies, as a tar. */
export function boxTar({ cache }: Pick<Paths, 'cache'>, { name }: BoxSystem): string {
  return path.join(cache, 'boxes', `${name.replace(':', '-')}.tar`);
}

const made = new Map<string, Step>();

/** The root file system of a fresh machine: what is there before anybody has installed anything. */
export function boxRootFilesystem(system: BoxSystem): Step {
  const known = made.get(system.name);
  if (known !== undefined) return known;
  const packages = packagesOf(system);
  const definition = step({
    id: `box-${system.name.replace(':', '-')}`,
    title: `root file system of ${system.name}`,
    needs: system.from === 'mmdebstrap' ? [buildPackages] : [dockerEngine],
    inputs: [PREPARE],
    options: () => ({
      suite: system.suite,
      user: system.user,
      packages: system.from === 'image' ? [...packages, ...beyondImage] : packages,
      ...(system.from === 'mmdebstrap' ? { variant: VARIANT, dpkgOptions: withoutDocumentation, hasUpdates: system.hasUpdates } : {}),
    }),
    produces: ({ paths }) => [file(boxTar(paths, system))],
    asRoot: true,
    uses: ['apt'],
    run: (ctx) =>
      replace(boxTar(ctx.paths, system), (temporary) =>
        system.from === 'mmdebstrap' ? assemble(ctx, system, packages, temporary) : pull(ctx, system, packages, temporary),
      ),
  });
  made.set(system.name, definition);
  return definition;
}

async function assemble(ctx: StepContext, system: BoxSystem, packages: readonly string[], target: string): Promise<void> {
  const missing = await missingPackages(ctx.runner, ['debian-archive-keyring']);
  if (missing.length > 0) await installPackages(ctx, missing);
  const sources = (await debianSources(ctx, system.suite))
    .filter((line) => system.hasUpdates || line.includes(` ${system.suite} `))
    // They stay in the box, whose apt is to trust its own keyring.
    .map((line) => line.replace(/^deb /, `deb [signed-by=${DEBIAN_KEYRING}] `));
  await bootstrapDebian(
    ctx,
    {
      suite: system.suite,
      variant: VARIANT,
      packages,
      dpkgOptions: withoutDocumentation,
      trust: { keyring: DEBIAN_KEYRING },
      sources,
      finish: [`chroot "$1" sh -s ${system.user} <${shWord(ctx.paths.inRoot(PREPARE))}`],
      target,
    },
    {
      failure: `the root file system of ${system.name} could not be assembled`,
      hint: 'mmdebstrap fetches Debian packages: check the network, and that debian-archive-keyring knows this release.',
    },
  );
}

async function pull(ctx: StepContext, system: BoxSystem, packages: readonly string[], target: string): Promise<void> {
  await pullImage(ctx, system);
  const name = imageOf(system.name).replace(':', '-');
  // How this machine reaches a mirror; a box is told again when it starts.
  const apt = await readReachSettings(ctx);
  const settings = '/etc/apt/apt.conf.d/90machine';
  const install = `printf '%s\\n' "$APT_SETTINGS" >${settings} && apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends ${[...packages, ...beyondImage].join(' ')}`;
  try {
    const flags = [
      ...labelFlags(labelsOf(ctx)),
      '--env',
      `APT_SETTINGS=${apt.join('\n')}`,
      '--volume',
      `${ctx.paths.inRoot(PREPARE)}:/prepare.sh:ro`,
    ];
    await ctx.runner.run(
      'docker',
      [
        'run',
        '--name',
        name,
        ...flags,
        system.name,
        'sh',
        '-c',
        `${install} && sh /prepare.sh ${system.user} && rm -rf ${settings} /var/lib/apt/lists/* && apt-get clean`,
      ],
      {
        failure: `the image of ${system.name} could not be made into a root file system`,
      },
    );
    await ctx.runner.run('docker', ['export', '--output', target, name]);
  } finally {
    await ctx.cleanupRunner.run('docker', ['rm', '--force', '--volumes', name], { accept: true });
  }
}

/** Pulls the image of a system unless it is here. @throws ToolkitError with the registry's answer */
export async function pullImage(ctx: Pick<StepContext, 'runner'>, { name }: BoxSystem): Promise<void> {
  const here = await ctx.runner.run('docker', ['image', 'inspect', '--format', '{{.Id}}', name], { accept: true });
  if (here.exitCode === 0) return;
  const { stderr, exitCode } = await ctx.runner.run('docker', ['pull', '--quiet', name], { accept: true, timeoutMs: 300_000 });
  if (exitCode !== 0) throw new ToolkitError(`the image ${name} cannot be pulled`, { details: stderr.split('\n').slice(-1) });
}
