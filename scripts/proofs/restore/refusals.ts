import { checkpoint } from '../../checkpoint/checkpoint.js';
import { restoredPod } from '../../checkpoint/restore.js';
import { kubectl } from '../../lib/cluster/kubectl.js';
import { archiveFolder } from '../../lib/cluster/kubelet.js';
import { Node } from '../../lib/cluster/node.js';
import { findContainer } from '../../lib/cluster/pod.js';
import type { Context } from '../../lib/core/context.js';
import { expectSame } from '../../lib/core/errors.js';
import type { Proof } from '../proof.js';
import { apply, counter, eventOf, NAMESPACE, pod, remove, start } from './pods.js';

const MAIN = 'main';
/** The archive that is wanted. */
const BAD = 'bad-restore.tar';

/** An image of CRIU of a CPU that has every feature there is, of all makers: 19 words of ones (images/cpuinfo.proto). */
const EVERY_FEATURE = ['\\x08\\x02\\x10\\x06\\x18\\x01\\x20\\x01\\x28\\x02', '\\x30\\xff\\xff\\xff\\xff\\x0f'.repeat(19)].join('');
const CPU_IMAGE = `\\x19\\x43\\x56\\x54\\x13\\x40\\x40\\x61\\x7e\\x00\\x00\\x00\\x0a\\x7c${EVERY_FEATURE}`;

/** An archive that must be refused: how it is made on the node, and what the pod's event says. */
interface Refused {
  readonly what: string;
  /** For sh, in the checkpoint folder: $1 is a good archive, unpacked in ./x; the bad one is to be $2. */
  readonly make: string;
  readonly says: RegExp;
}

const packed = (change: string): string => `(cd x && ${change} && tar -cf "../$2" *)`;
const ARCHIVES: readonly Refused[] = [
  { what: 'that is absent', make: 'true', says: /there is no checkpoint archive \S+ on this node/ },
  { what: 'that is empty', make: ': >"$2"', says: /is empty/ },
  { what: 'that is no tar', make: 'head -c 4096 /dev/zero >"$2"', says: /is not a tar archive/ },
  { what: 'that is compressed', make: 'gzip -c "$1" >"$2"', says: /is compressed \(gzip\)/ },
  { what: 'that is cut off', make: 'head -c $(($(stat -c %s "$1") / 2)) "$1" >"$2"', says: /is cut off/ },
  { what: 'that is a link', make: 'ln -s "$1" "$2"', says: /is a link, not a checkpoint archive/ },
  {
    what: 'with a link in it',
    make: packed('ln -s /etc/shadow checkpoint/pages-9.img'),
    says: /"checkpoint\/pages-9.img" is neither a file nor a directory/,
  },
  {
    what: 'with a path that leads outside',
    make: 'cp "$1" "$2" && tar --append --file="$2" --force-local --absolute-names --transform="s,^.*$,checkpoint/../../escaped," x/spec.dump',
    says: /is not a file of a checkpoint/,
  },
  { what: 'with a file that no checkpoint has', make: packed('echo {} >bundle.json'), says: /"bundle.json" is not a file of a checkpoint/ },
  {
    what: 'of another namespace',
    make: packed('sed -i "s/restore-proof/kube-system/" spec.dump'),
    says: /of namespace "kube-system", not of "restore-proof"/,
  },
  {
    what: 'of another container',
    make: packed(`sed -i 's/"io.kubernetes.cri.container-name":"main"/"io.kubernetes.cri.container-name":"other"/' spec.dump`),
    says: /of container "other", not of "main"/,
  },
  { what: 'of another image', make: packed('sed -i "s/sha256:/sha256:0/" config.dump'), says: /of a container of image sha256:0\w+/ },
  {
    what: 'of another architecture',
    make: packed(`for f in checkpoint/core-*.img; do printf '\\003' | dd of=$f bs=1 seek=13 conv=notrunc 2>/dev/null; done`),
    says: /of another architecture/,
  },
  {
    what: 'of a CPU with features that this one lacks',
    make: packed(`bash -c 'printf "%b" "$0" >checkpoint/cpuinfo.img' '${CPU_IMAGE}'`),
    says: /of a CPU \(""\) with features that this node's lacks: \w+.*/,
  },
  {
    what: 'whose mount the pod lacks',
    make: packed(`sed -i 's/"mounts":\\[/"mounts":[{"destination":"\\/data","type":"bind","source":"\\/x"},/' spec.dump`),
    says: /had a mount on \/data, and the new one has none there/,
  },
];

/** Proves that an archive that does not fit is refused before anything runs, with the reason in the pod's event. */
export async function proveRefusals(ctx: Context, proof: Proof, node: string): Promise<void> {
  const source = pod('counter', node, [counter(ctx, MAIN)]);
  await start(ctx, source);
  const { archive } = await checkpoint(ctx, await findContainer(ctx, NAMESPACE, 'counter', MAIN));
  const on = new Node(ctx.runner, node);
  let pods = 0;
  /** Has a pod want a bad archive, and takes both away afterwards. Each pod has its own name: events of the one before are not its. */
  const want = async (make: string, prove: (name: string) => Promise<string>): Promise<{ seen: string; value: undefined }> => {
    const script = `cd "$3" && rm -rf x "$2" && mkdir -m 0700 x && tar --force-local -xf "$1" -C x && ${make}; rm -rf x`;
    await on.run(['sh', '-c', script, 'sh', archive, BAD, archiveFolder]);
    const name = `refused-${++pods}`;
    await apply(ctx, restoredPod(source, name, node, { [MAIN]: BAD }));
    const seen = await prove(name);
    expectSame(await startedOf(ctx, name), '', 'when it was started');
    await remove(ctx, name);
    await on.remove(`${archiveFolder}/${BAD}`);
    return { seen, value: undefined };
  };
  for (const { what, make, says } of ARCHIVES)
    await proof.show(`an archive ${what} is refused`, () => want(make, (name) => eventOf(ctx, name, says)));
  await proof.show('a container whose memory is missing does not start at all: CRIU’s reason is told, and its log is kept', () =>
    want(packed('truncate -s 4096 checkpoint/pages-1.img'), async (name) => {
      const seen = await eventOf(ctx, name, /The pages image ends at \w+, before its pagemap/);
      const log = await eventOf(ctx, name, /\/\S+\/checkpoint-logs\/\S+\.log/);
      await on.run(['test', '-s', log]);
      // Tried again, it is restored again: never started from its image instead.
      await eventOf(ctx, name, /Back-off|back-off/);
      return seen;
    }),
  );
  await on.remove(archive);
  await remove(ctx, 'counter');
}

/** When the container of a pod was started; empty while it was not. */
async function startedOf(ctx: Context, name: string): Promise<string> {
  const path = 'jsonpath={.status.containerStatuses[0].state.running.startedAt}';
  return (await kubectl(ctx, ['--namespace', NAMESPACE, 'get', 'pod', name, '--output', path])).stdout;
}
