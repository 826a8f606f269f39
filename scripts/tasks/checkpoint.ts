import path from 'node:path';
import { type CheckpointFlags, type Command, callForms, checkpointFlags, readCommand } from '../kubectl-checkpoint/arguments.js';
import { defaultHelperImage } from '../kubectl-checkpoint/flags.js';
import type { Access } from '../kubectl-checkpoint/list.js';
import { type Invocation, task } from '../lib/cli/task.js';
import type { Context } from '../lib/core/context.js';
import { UsageError } from '../lib/core/errors.js';
import type { Kube } from '../lib/kube/client.js';

// It is called often: each command loads what it needs when it runs.
type Run = Pick<Invocation<typeof checkpointFlags>, 'print' | 'printJson'>;

export default task({
  name: 'checkpoint',
  summary:
    'Checkpoints running containers of any cluster; restores and moves pods; lists archives, looks into them, removes them, makes images of them.',
  manual: [
    'As a plugin of kubectl, with .cache/bin on PATH:',
    '  kubectl checkpoint POD [-n NS] [-c CONTAINER] [-o FILE]   checkpoint, and bring the archive here',
    '  kubectl checkpoint restore ARCHIVE | --from NODE:NAME     make a pod that goes on where the archive was made',
    '  kubectl checkpoint ls [-n NS]                             list the archives on all nodes',
    '  kubectl checkpoint inspect FILE                           look into an archive',
    '  kubectl checkpoint rm ARCHIVE…                            remove archives from their nodes',
    '  kubectl checkpoint build ARCHIVE -t IMAGE [--push]        make an image of an archive, for runtimes that restore from one',
    '  kubectl checkpoint migrate POD… --to NODE                 move running pods to another node',
    'A pod called ls, rm, inspect, restore, build or migrate: pod/ls. What the API server must allow: manifests/kubectl-checkpoint-rbac.yaml.',
    'An archive holds the memory of its processes, with every secret in it. Files are made with mode 0600.',
  ],
  words: callForms,
  flags: checkpointFlags,
  async run({ words, flags, ctx, print, printJson }) {
    const command = readCommand(words, flags);
    if (command.verb === 'inspect') return inspect(ctx, command.file, { print, printJson });
    if (command.verb === 'build') return build(ctx, command, flags, { print, printJson });
    const { connect } = await import('../lib/kube/client.js');
    const kube = await connect(ctx.env, flags);
    const namespace = flags.namespace ?? kube.namespace;
    const helper = { namespace: flags['helper-namespace'] ?? namespace, image: flags['helper-image'] ?? defaultHelperImage };
    const job: Job = { ctx, kube, namespace, access: { way: command.fetch, ...helper }, flags, print, printJson };
    switch (command.verb) {
      case 'checkpoint':
        return checkpoint(job, command);
      case 'ls':
        return ls(job);
      case 'restore':
        return restore(job, command);
      case 'rm':
        return rm(job, command);
      case 'migrate': {
        const { runMigrate } = await import('../kubectl-checkpoint/run-migrate.js');
        return runMigrate(job, command);
      }
    }
  },
});

/** What a verb works with on a cluster. */
interface Job extends Run {
  readonly ctx: Context;
  readonly kube: Kube;
  /** Of the pod. */
  readonly namespace: string;
  readonly access: Access;
  readonly flags: CheckpointFlags;
}

/** A command as the words said it. */
type Said<Verb extends Command['verb']> = Extract<Command, { readonly verb: Verb }>;

async function checkpoint({ ctx, kube, namespace, access, flags, print, printJson }: Job, command: Said<'checkpoint'>): Promise<undefined> {
  const { checkpointPod } = await import('../kubectl-checkpoint/checkpoint-pod.js');
  const { madeJson, madeText } = await import('../kubectl-checkpoint/view.js');
  const { container, output } = flags;
  const { way: _, ...helper } = access;
  const made = await checkpointPod(ctx, kube, { ...command, namespace, container, output, helper });
  print(madeText(made));
  printJson(madeJson(made));
  return undefined;
}

async function ls({ ctx, kube, access, flags, print, printJson }: Job): Promise<undefined> {
  const { listArchives, nodesFailed } = await import('../kubectl-checkpoint/list.js');
  const { listText } = await import('../kubectl-checkpoint/view.js');
  const { archives, failures } = await listArchives(ctx, kube, access, flags.namespace);
  print(archives.length === 0 ? 'no archives' : listText(archives));
  printJson({ archives: archives.map((archive) => ({ ...archive })), notLookedInto: failures.map(({ node }) => node) });
  if (failures.length > 0) throw nodesFailed('not all nodes could be looked into', failures);
  return undefined;
}

async function restore({ ctx, kube, access, flags, print, printJson }: Job, command: Said<'restore'>): Promise<undefined> {
  const { runRestore } = await import('../kubectl-checkpoint/restore-command.js');
  const { namespace, node } = flags;
  return runRestore(ctx, kube, { ...command, namespace, node, access }, { print, printJson });
}

async function rm({ ctx, kube, access, flags, print, printJson }: Job, { archives }: Said<'rm'>): Promise<undefined> {
  const { removeArchives } = await import('../kubectl-checkpoint/remove.js');
  const removed = await removeArchives(ctx, kube, access, archives, flags.node);
  for (const one of removed) print(`removed from ${one.node}: ${one.path}`);
  printJson({ removed: removed.map((one) => ({ ...one })) });
  return undefined;
}

async function inspect(ctx: Context, word: string, { print, printJson }: Run): Promise<undefined> {
  const { modeOf } = await import('../checkpoint/archive.js');
  const { inspectArchive } = await import('../checkpoint/inspect.js');
  const { inspectionJson, inspectionText } = await import('../kubectl-checkpoint/view.js');
  const { bringAbout } = await import('../lib/engine/bring-about.js');
  const { checkpointctl, checkpointctlProgram } = await import('../steps/checkpointctl.js');
  const file = path.resolve(word);
  const mode = await modeOf(file).catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`the archive cannot be read: ${file}`, { details: [error.message] });
  });
  if ((mode & 0o077) !== 0) ctx.say(`others may read this archive, and the memory in it: chmod 600 ${word}`);
  await bringAbout(ctx, [checkpointctl]);
  const inspection = await inspectArchive(ctx, checkpointctlProgram(ctx.paths.bin), file);
  print(inspectionText(inspection));
  printJson(inspectionJson(inspection));
  return undefined;
}

async function build(
  ctx: Context,
  command: Said<'build'>,
  { output, push }: CheckpointFlags,
  { print, printJson }: Run,
): Promise<undefined> {
  const { buildCheckpointImage, builtJson, builtText } = await import('../kubectl-checkpoint/build-image.js');
  const { secrets } = await import('../kubectl-checkpoint/view.js');
  const built = await buildCheckpointImage(ctx, command, { output, push });
  print(`${builtText(built)}\n${secrets}`);
  printJson(builtJson(built));
  return undefined;
}
