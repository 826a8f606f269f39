import { defaultHelperImage, sharedFlags } from '../kubectl-checkpoint/flags.js';
import { restore } from '../kubectl-checkpoint/verbs/restore.js';
import { task } from '../lib/cli/task.js';

const { container: _container, output: _output, via: _via, ...flags } = sharedFlags;

export default task({
  name: 'restore',
  summary: 'Makes a pod out of checkpoint archives, which goes on where they were made; as kubectl checkpoint restore does.',
  manual: [
    '  npm run restore -- ARCHIVE            a file that lies here: it is brought to the node, and removed there afterwards',
    '  npm run restore -- --from NODE:NAME   one in the checkpoint folder of a node, by the name that kubectl checkpoint ls shows',
    'An archive is of one container: name one for each, of the same pod. A container without one starts from its image.',
    'It waits until the pod runs, and proves from the runtime’s log that it was restored and not just started. When anything fails, or',
    'it is stopped, the pod is removed. On nodes with the containerd of this toolkit you need the right to create pods/restore; others',
    'restore from images, which get to nodes that are not on this machine through a --repository.',
    'The pod comes from the archive: from a stranger’s it may ask for anything that a pod can. The kubeconfig is the one that kubectl takes.',
  ],
  words: 'ARCHIVE…',
  flags: { ...restore.own, ...flags },
  async run({ words, flags, ctx, print, printJson }) {
    const { connect } = await import('../lib/kube/client.js');
    const { runRestore } = await import('../kubectl-checkpoint/restore-command.js');
    const command = restore.read(words, { ...flags, container: undefined, output: undefined, via: undefined });
    const kube = await connect(ctx.env, flags);
    const helper = {
      namespace: flags['helper-namespace'] ?? flags.namespace ?? kube.namespace,
      image: flags['helper-image'] ?? defaultHelperImage,
    };
    const { namespace, node } = flags;
    return runRestore(ctx, kube, { ...command, namespace, node, access: { way: command.fetch, ...helper } }, { print, printJson });
  },
});
