import { randomUUID } from 'node:crypto';
import path from 'node:path';
import type { Context } from '../lib/core/context.js';
import { ToolkitError } from '../lib/core/errors.js';
import { until } from '../lib/core/until.js';
import { BOX_DATA, layCheckout, type RunningBox } from './box.js';
import { hostNode, type MachineNetwork } from './machine.js';
import { hasNodeInApt } from './systems.js';

/** Where the host's Go caches are mounted, read-only. */
export const GO_MODULES = '/mnt/go-modules';
export const GO_BUILDS = '/mnt/go-builds';

/** How long another process holds apt's locks, seconds. */
const LOCK_SECONDS = 60;

/** Puts each mirror that apt knows into a list of its own, and names that list in its place (apt-transport-mirror(1)). */
const LIST_MIRRORS = `set -e
sources=$(find /etc/apt/sources.list /etc/apt/sources.list.d -type f 2>/dev/null || true)
mkdir -p /etc/apt/mirrors
number=0
for uri in $(grep -hoE 'https?://[^ ]+' $sources | sort -u); do
  number=$((number + 1))
  echo "$uri" >/etc/apt/mirrors/$number.list
  sed -i -E "s#$uri( |$)#mirror+file:/etc/apt/mirrors/$number.list\\1#" $sources
done
test "$number" -gt 0`;

/** A box in which the first command can be run. */
export interface PreparedBox {
  /** Folder of the checkout. */
  readonly checkout: string;
  /** What the user of this box has in the environment. */
  readonly env: Readonly<Record<string, string>>;
  /** The user's password, where sudo asks for it. */
  readonly password: string | undefined;
}

/** Makes a box that has started into the fresh machine that its case describes. */
export async function prepareBox(
  ctx: Context,
  running: RunningBox,
  { network, proxy, shared }: { network: MachineNetwork; proxy?: string | undefined; shared: boolean },
): Promise<PreparedBox> {
  const { box, home } = running;
  const name = box.case.name;
  await reachNetwork(ctx, running, network);
  if (shared) await shareGoCaches(running);
  if (name === 'node-18') await installNode(running, proxy);
  else if (!hasNodeInApt(box.system)) await copyNode(ctx, running);
  const password = await allowSudo(running);
  const checkout = path.posix.join(home, name === 'path-with-space' ? 'my checkouts/kind-checkpoint' : 'kind-checkpoint');
  await layCheckout(ctx, running, checkout);
  if (name === 'containerd-store')
    await running.asRoot(`mkdir -p /etc/docker && echo '{"features": {"containerd-snapshotter": true}}' >/etc/docker/daemon.json`);
  if (name === 'mirror-list') await running.asRoot(LIST_MIRRORS);
  if (name === 'apt-lock') await holdAptLocks(ctx, running, checkout);
  return { checkout, env: { ...network.env, ...(proxy === undefined ? {} : proxyVariables(proxy)) }, password };
}

/** Proxies as a login shell has them where there is no other way out. */
export function proxyVariables(proxy: string): Record<string, string> {
  const variables = { http_proxy: proxy, https_proxy: proxy, no_proxy: 'localhost,127.0.0.1,::1' };
  return Object.fromEntries(
    Object.entries(variables).flatMap(([name, value]) => [
      [name, value],
      [name.toUpperCase(), value],
    ]),
  );
}

/** What the host was told about reaching the network: certificates, apt's settings. */
async function reachNetwork(ctx: Context, { name, asRoot }: RunningBox, { apt, certificates }: MachineNetwork): Promise<void> {
  for (const file of certificates) await ctx.runner.run('docker', ['cp', '--quiet', file, `${name}:/usr/local/share/ca-certificates/`]);
  if (certificates.length > 0) await asRoot('update-ca-certificates >/dev/null 2>&1');
  if (apt.length > 0)
    await ctx.runner.run('docker', ['exec', '-i', name, 'tee', '/etc/apt/apt.conf.d/90machine'], { input: `${apt.join('\n')}\n` });
}

/**
 * Lays the host's Go caches under the user's own: what the box writes goes to its volume, what is there already need not be built
 * again. They belong to the host's user: folders and locks must belong to the box's, files are only read.
 */
async function shareGoCaches({ box, home, asRoot }: RunningBox): Promise<void> {
  const { user } = box.system;
  const overlays = [
    [GO_MODULES, `${home}/go/pkg/mod`],
    [GO_BUILDS, `${home}/.cache/go-build`],
  ] as const;
  await asRoot(`install -d -o ${user} -g ${user} ${home}/go ${home}/go/pkg ${home}/.cache`);
  for (const [lower, place] of overlays) {
    const data = `${BOX_DATA}/${path.posix.basename(lower)}`;
    await asRoot(
      `mkdir -p ${data}/upper ${data}/work ${place}
      mount -t overlay overlay -o lowerdir=${lower},upperdir=${data}/upper,workdir=${data}/work ${place}
      find ${place} \\( -type d -o -name lock -o -name '*.lock' \\) -exec chown ${user}: {} +`,
      { failure: 'Go’s caches could not be laid under those of the box' },
    );
  }
}

/** Node as a tarball install has it. */
async function copyNode(ctx: Context, running: RunningBox): Promise<void> {
  const { node, npm } = await hostNode(ctx);
  await running.asRoot('mkdir -p /usr/local/lib/node_modules');
  await ctx.runner.run('docker', ['cp', '--quiet', node, `${running.name}:/usr/local/bin/node`]);
  await ctx.runner.run('docker', ['cp', '--quiet', npm, `${running.name}:/usr/local/lib/node_modules/npm`]);
  await running.asRoot(`chown -R root: /usr/local/lib/node_modules /usr/local/bin/node
    ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm
    ln -s ../lib/node_modules/npm/bin/npx-cli.js /usr/local/bin/npx
    node --version`);
}

/** Node from the box's own apt, whatever its version is. */
async function installNode({ asRoot }: RunningBox, proxy: string | undefined): Promise<void> {
  const through = proxy === undefined ? '' : `export http_proxy=${proxy}; `;
  await asRoot(
    `${through}apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q --yes --no-install-recommends nodejs npm`,
    {
      failure: 'Node could not be installed from the apt of the box',
    },
  );
}

/** As a cloud image has it, or an installer: the user's own rule beside that of the group sudo, or the latter alone. */
async function allowSudo({ box, asRoot }: RunningBox): Promise<string | undefined> {
  const { user } = box.system;
  if (box.case.name !== 'sudo-password') {
    await asRoot(
      `echo '${user} ALL=(ALL) NOPASSWD:ALL' >/etc/sudoers.d/90-cloud-init-users && chmod 0440 /etc/sudoers.d/90-cloud-init-users`,
    );
    return undefined;
  }
  const password = randomUUID();
  await asRoot(`echo '${user}:${password}' | chpasswd`);
  return password;
}

const APT_LOCKS = ['/var/lib/dpkg/lock-frontend', '/var/lib/dpkg/lock', '/var/lib/apt/lists/lock', '/var/cache/apt/archives/lock'];
/** There as soon as the locks are held. */
const LOCKS_HELD = '/run/apt-locks-held';

/**
 * Perl, which every Debian has, to hold locks as apt and dpkg take them (fcntl(2)): from now on until so many seconds after a file is
 * there, ten minutes at most. Its name is the one that unattended upgrades have. Arguments: the file to wait for, seconds, the file to
 * make when all are held, the files to lock.
 */
export const lockHolder = `
  use Fcntl;
  my ($awaited, $seconds, $told, @files) = @ARGV;
  $0 = "unattended-upgr";
  my @held;
  for my $name (@files) {
    open(my $file, "+>>", $name) or die "$name: $!";
    my $lock = pack("s s x4 q q i x4", F_WRLCK, 0, 0, 0, 0);
    fcntl($file, F_SETLK, $lock) or die "$name: $!";
    push @held, $file;
  }
  open(my $file, ">", $told) or die "$told: $!";
  close $file;
  for (1 .. 600) { last if -e $awaited; sleep 1; }
  sleep $seconds;`;

async function holdAptLocks(ctx: Context, { name, asRoot }: RunningBox, checkout: string): Promise<void> {
  // With its npm packages the first command comes to apt.
  const words = [`${checkout}/node_modules/.installed-lock`, String(LOCK_SECONDS), LOCKS_HELD, ...APT_LOCKS];
  await asRoot('mkdir -p /var/lib/apt/lists /var/cache/apt/archives');
  await ctx.runner.run('docker', ['exec', '--detach', name, 'perl', '-e', lockHolder, ...words]);
  await until(
    ctx,
    () => new ToolkitError('apt’s locks could not be taken in the box'),
    async () => (await ctx.runner.run('docker', ['exec', name, 'test', '-e', LOCKS_HELD], { accept: true })).exitCode,
    (code) => code === 0,
    { patienceMs: 10_000 },
  );
}
