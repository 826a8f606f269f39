import { defaultHelperImage, sharedFlags } from '../kubectl-checkpoint/flags.js';
import { migrate } from '../kubectl-checkpoint/verbs/migrate.js';
import { type FlagValues, task } from '../lib/cli/task.js';

const {
  kubeconfig,
  context,
  fetch,
  'helper-image': image,
  'helper-namespace': helperNamespace,
  namespace,
  name,
  timeout,
  via,
} = sharedFlags;
const flags = {
  ...migrate.own,
  namespace,
  name,
  plot: migrate.own.plot,
  timeout,
  via,
  fetch,
  'helper-image': image,
  'helper-namespace': helperNamespace,
  kubeconfig,
  context,
} as const;

export default task({
  name: 'migrate',
  summary: 'Moves running pods to another node, with all that their processes have in memory.',
  manual: [
    'The same as kubectl checkpoint migrate. All is prepared on the other node before anything is frozen; whatever fails, the pod runs on',
    'where it was. A command that was killed is brought to an end by the next one for that pod. A pod of a Deployment moves too; one of a',
    'StatefulSet, a DaemonSet or a Job is refused.',
  ],
  words: 'POD…',
  flags,
  async run({ words, flags: given, ctx, print, printJson }) {
    // Flags that other verbs share, and this one does not take.
    const command = migrate.read(words, given as FlagValues<typeof sharedFlags & typeof migrate.own>);
    const { connect } = await import('../lib/kube/client.js');
    const { runMigrate } = await import('../kubectl-checkpoint/run-migrate.js');
    const kube = await connect(ctx.env, given);
    const space = given.namespace ?? kube.namespace;
    const access = {
      way: command.fetch,
      namespace: given['helper-namespace'] ?? space,
      image: given['helper-image'] ?? defaultHelperImage,
    };
    return runMigrate({ ctx, kube, namespace: space, access, print, printJson }, command);
  },
});
