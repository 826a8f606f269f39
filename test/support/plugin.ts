import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { expect } from 'vitest';
import { kubeContext, kubectl } from '../../scripts/lib/cluster/kubectl.js';
import { Node } from '../../scripts/lib/cluster/node.js';
import { findContainer, type RunningContainer } from '../../scripts/lib/cluster/pod.js';
import type { Context } from '../../scripts/lib/core/context.js';
import { applyAnew, countsPast } from '../../scripts/workloads/counter-pod.js';
import { clusterName, counterImage } from './names.js';
import { realContext } from './real.js';
import { toolkitJson } from './toolkit.js';

/** The pod that is checkpointed, and its container. */
export const POD = 'plugin';
export const CONTAINER = 'main';
/** The kubeconfig context of the cluster. */
export const CONTEXT = kubeContext(clusterName);
/** As if the nodes were on other machines. */
export const WITHOUT_DOCKER = { DOCKER_HOST: 'unix:///nowhere/docker.sock' };

/** A checkpoint as `--json` tells it. */
export interface Made {
  readonly node: string;
  readonly archive: string;
  readonly via: string;
  readonly local: { readonly file: string; readonly bytes: number; readonly sha256: string; readonly by: string } | null;
}

type Env = Readonly<Record<string, string>>;

/** `kubectl checkpoint` on the cluster of the tests. */
export interface Plugin {
  readonly ctx: Context;
  /** Where it is called. */
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
  readonly container: RunningContainer;
  /** Whether the API server has pods/checkpoint. */
  readonly hasSubresource: boolean;
  /** Calls it as people do: through kubectl, from a folder of their own. */
  run(args: readonly string[], env?: Env): Promise<{ exitCode: number; stdout: string; stderr: string }>;
  /** Calls it and reads its JSON; it must succeed. */
  json<T = Made>(args: readonly string[], env?: Env): Promise<T>;
  /** Names of the helper pods that there are. */
  helperPods(): Promise<string>;
  /** Archives of pods in the namespace default on the container's node. */
  archives(): Promise<string[]>;
  dispose(): Promise<void>;
}

const manifest = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: POD },
  spec: {
    terminationGracePeriodSeconds: 1,
    containers: [
      {
        name: CONTAINER,
        image: counterImage,
        imagePullPolicy: 'Never',
        command: [
          'sh',
          '-c',
          [
            'echo changed >/etc/motd; rm /bin/zcat',
            // Some 80 MB, so that there is a middle of its transfer.
            'x=$(head -c 60000000 /dev/urandom | base64)',
            'i=0; while true; do echo $i; i=$((i + 1)); sleep 0.1; done',
          ].join('; '),
        ],
      },
    ],
  },
};

/** Brings the cluster and the program about, and a pod that counts. */
export async function startPlugin(): Promise<Plugin> {
  await toolkitJson('setup');
  await toolkitJson('cluster:up');
  await toolkitJson('image:load', [counterImage]);
  const { ctx, dispose } = realContext();
  const folder = await mkdtemp(path.join(tmpdir(), 'plugin-'));
  await applyAnew(ctx, JSON.stringify(manifest), POD);
  const container = await findContainer(ctx, 'default', POD, undefined);
  await countsPast(ctx, POD, CONTAINER, 2);
  const env = { ...process.env, PATH: `${ctx.paths.bin}${path.delimiter}${process.env['PATH'] ?? ''}` };

  const plugin: Plugin = {
    ctx,
    folder,
    env,
    container,
    hasSubresource: (await kubectl(ctx, ['get', '--raw', '/api/v1'])).stdout.includes('"pods/checkpoint"'),
    async run(args, more = {}) {
      const { exitCode, stdout, stderr } = await execa(path.join(ctx.paths.bin, 'kubectl'), ['checkpoint', ...args], {
        cwd: folder,
        env: { ...env, ...more },
        reject: false,
        stdin: 'ignore',
      });
      return { exitCode: exitCode ?? -1, stdout, stderr };
    },
    async json<T>(args: readonly string[], more: Env = {}) {
      const { exitCode, stdout, stderr } = await plugin.run([...args, '--json'], more);
      expect(exitCode, stderr).toBe(0);
      return JSON.parse(stdout) as T;
    },
    helperPods: async () =>
      (await kubectl(ctx, ['get', 'pods', '-A', '-l', 'app.kubernetes.io/managed-by=kubectl-checkpoint', '--output', 'name'])).stdout,
    archives: async () =>
      (await new Node(ctx.runner, container.node).run(['ls', '/var/lib/kubelet/checkpoints'])).stdout
        .split('\n')
        .filter((name) => name.includes('_default-')),
    async dispose() {
      const left = (await plugin.archives()).filter((name) => name.startsWith(`checkpoint-${POD}_`));
      if (left.length > 0) await plugin.run(['rm', '--context', CONTEXT, ...left]);
      await kubectl(ctx, ['delete', 'pod', POD, '--now', '--ignore-not-found']);
      await rm(folder, { recursive: true, force: true });
      dispose();
    },
  };
  return plugin;
}
