import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readArchive } from '../../scripts/checkpoint/archive.js';
import { Node } from '../../scripts/lib/cluster/node.js';
import { findContainer } from '../../scripts/lib/cluster/pod.js';
import { sha256OfFile } from '../../scripts/lib/core/hash.js';
import { countsPast, podCount } from '../../scripts/workloads/counter-pod.js';
import { counterImage } from '../support/names.js';
import { CONTAINER, CONTEXT, type Plugin, POD, startPlugin, WITHOUT_DOCKER } from '../support/plugin.js';

const BY_POD = ['--fetch', 'pod', '--helper-image', counterImage];
let plugin: Plugin;

beforeAll(async () => {
  plugin = await startPlugin();
});

afterAll(async () => {
  await plugin.dispose();
});

describe('a checkpoint', () => {
  test('goes through the subresource where there is one, else through the node proxy, and says so', async () => {
    const { exitCode, stdout, stderr } = await plugin.run(['pod/plugin', '--context', CONTEXT]);
    expect(exitCode, stderr).toBe(0);
    expect(stdout).toMatch(plugin.hasSubresource ? /through the API server \(pods\/checkpoint\)/ : /through the node proxy/);
    if (!plugin.hasSubresource) expect(stderr).toContain('this API server has no pods/checkpoint');
    expect(stdout).toContain('every secret in it');
  });

  test.each(['node-proxy', 'kubelet'])('goes through --via %s, and the container goes on', async (via) => {
    const { last } = await podCount(plugin.ctx, POD, CONTAINER);
    const made = await plugin.json([POD, '--context', CONTEXT, '-n', 'default', '-c', CONTAINER, '--timeout', '5m', '--via', via]);
    expect(made).toMatchObject({ via, node: plugin.container.node, local: null });
    expect(await plugin.archives()).toContain(path.posix.basename(made.archive));
    await countsPast(plugin.ctx, POD, CONTAINER, last + 5);
    expect((await findContainer(plugin.ctx, 'default', POD, undefined)).restartCount).toBe(0);
  });

  test('goes through --via api where the API server has the subresource, and is refused clearly where it has not', async () => {
    const { exitCode, stdout, stderr } = await plugin.run([POD, '--context', CONTEXT, '--via', 'api', '--json']);
    expect(exitCode, stderr).toBe(plugin.hasSubresource ? 0 : 2);
    if (plugin.hasSubresource) expect(JSON.parse(stdout)).toMatchObject({ via: 'api', node: plugin.container.node });
    else expect(stderr).toContain('--via api: this API server has no pods/checkpoint');
  });

  test.each([
    { name: 'a pod that is not there', args: ['nope'], code: 1, message: 'there is no pod nope in the namespace default' },
    { name: 'a container that is not there', args: [POD, '-c', 'nope'], code: 2, message: 'It has: main' },
    { name: 'a context that is not there', args: [POD, '--context', 'nope'], code: 2, message: 'the kubeconfig has no context nope' },
    { name: 'a folder that is not there', args: [POD, '-o', '/nope/a.tar'], code: 2, message: 'there is no folder /nope' },
  ])('of $name is refused without a stack trace', async ({ args, code, message }) => {
    const { exitCode, stderr } = await plugin.run(args.includes('--context') ? args : [...args, '--context', CONTEXT]);
    expect(exitCode).toBe(code);
    expect(stderr).toContain(message);
    expect(stderr).not.toMatch(/\n\s+at /);
  });
});

describe('the archive', () => {
  test.each([
    { by: 'docker', args: [] as string[], env: {} },
    { by: 'pod', args: BY_POD, env: {} },
    // Nothing is asked for: it is the way to nodes of other machines.
    { by: 'pod', args: ['--helper-image', counterImage], env: WITHOUT_DOCKER },
  ])('is brought here by $by ($args): complete, mode 0600, no pod left', async ({ by, args, env }) => {
    const file = path.join(plugin.folder, 'a.tar');
    const made = await plugin.json([POD, '--context', CONTEXT, '-o', 'a.tar', ...args], env);
    expect(made.local).toMatchObject({ file, by });
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect((await readArchive(file)).id).toBe(plugin.container.id);
    const { stdout: there } = await new Node(plugin.ctx.runner, plugin.container.node).run(['sha256sum', made.archive]);
    expect(there.slice(0, 64)).toBe(await sha256OfFile(file));
    expect(made.local?.sha256).toBe(there.slice(0, 64));
    expect(await readdir(plugin.folder)).toEqual(['a.tar']);
    expect(await plugin.helperPods()).toBe('');
    await rm(file);
  });

  test('is not left in part by Ctrl-C, and no pod is', async () => {
    const run = spawn(path.join(plugin.ctx.paths.bin, 'kubectl'), ['checkpoint', POD, '--context', CONTEXT, '-o', 'cut.tar', ...BY_POD], {
      cwd: plugin.folder,
      env: plugin.env,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let shown = '';
    run.stderr.on('data', (chunk: Buffer) => {
      shown += chunk.toString();
    });
    const ended = once(run, 'exit');
    const watch = setInterval(() => {
      void readdir(plugin.folder).then((names) => {
        if (names.some((name) => name.startsWith('cut.tar.'))) run.kill('SIGINT');
      });
    }, 5);
    const [code] = (await ended) as [number | null];
    clearInterval(watch);
    expect(code, shown).toBe(130);
    expect(shown).toContain('stopped by SIGINT');
    expect(shown).toContain('the checkpoint was made; its archive is on node');
    expect(await readdir(plugin.folder)).toEqual([]);
    expect(await plugin.helperPods()).toBe('');
  });

  test('is looked into', async () => {
    const { local } = await plugin.json([POD, '--context', CONTEXT, '-o', plugin.folder]);
    const file = local?.file ?? '';
    const seen = await plugin.json<Record<string, unknown>>(['inspect', file]);
    expect(seen).toMatchObject({
      file,
      image: expect.stringContaining(counterImage),
      namespace: 'default',
      pod: POD,
      container: CONTAINER,
      id: plugin.container.id,
      runtime: 'io.containerd.runc.v2',
      engine: 'containerd',
      processes: { pid: 1, command: 'sh' },
      sockets: [],
      changedFiles: [
        { path: '/bin/zcat', change: 'deleted' },
        { path: '/etc/motd', change: 'changed', bytes: 8 },
      ],
      gaps: [],
    });
    expect(seen['memoryBytes']).toBeGreaterThan(60_000_000);
    expect(seen['mounts']).toContainEqual(expect.objectContaining({ destination: '/etc/hosts' }));
    const { stdout } = await plugin.run(['inspect', path.basename(file)]);
    expect(stdout).toContain(`pod           default/${POD}`);
    expect(stdout).toContain('every secret in it');
    await rm(file);
  });

  test.each([
    { way: 'Docker', args: [] as string[] },
    { way: 'a pod', args: BY_POD },
  ])('is listed and removed through $way', async ({ args }) => {
    const { archive, node } = await plugin.json([POD, '--context', CONTEXT]);
    const name = path.posix.basename(archive);
    const listed = await plugin.json<{ archives: unknown[] }>(['ls', '--context', CONTEXT, '-n', 'default', ...args]);
    expect(listed.archives).toContainEqual(
      expect.objectContaining({ node, name, path: archive, namespace: 'default', pod: POD, container: CONTAINER }),
    );
    expect(await plugin.json(['ls', '--context', CONTEXT, '-n', 'kube-public', ...args])).toEqual({ archives: [], notLookedInto: [] });
    expect(await plugin.json(['rm', '--context', CONTEXT, name, ...args])).toEqual({ removed: [{ node, path: archive }] });
    expect(await plugin.archives()).not.toContain(name);
    expect(await plugin.helperPods()).toBe('');
    expect((await plugin.run(['rm', '--context', CONTEXT, name, ...args])).stderr).toContain(`${name}: not on any node`);
  });

  test('cannot be a file elsewhere on the node', async () => {
    const { exitCode, stderr } = await plugin.run(['rm', '--context', CONTEXT, '/var/lib/kubelet/checkpoints/../config.yaml']);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('is no archive in /var/lib/kubelet/checkpoints');
  });
});

describe('of a node that is not of this machine', () => {
  test('the kubelet itself cannot be asked', async () => {
    const { exitCode, stderr } = await plugin.run([POD, '--context', CONTEXT, '--via', 'kubelet'], WITHOUT_DOCKER);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('--via kubelet: node');
  });

  test('a failure says what could not be looked at', async () => {
    await new Node(plugin.ctx.runner, plugin.container.node).run(['mv', '/usr/local/sbin/criu', '/usr/local/sbin/criu.away']);
    try {
      const { exitCode, stderr } = await plugin.run([POD, '--context', CONTEXT], WITHOUT_DOCKER);
      expect(exitCode).toBe(1);
      expect(stderr).toContain(`node ${plugin.container.node} cannot be looked into`);
      expect(stderr).toContain(`could not be checkpointed`);
    } finally {
      await new Node(plugin.ctx.runner, plugin.container.node).run(['mv', '/usr/local/sbin/criu.away', '/usr/local/sbin/criu']);
    }
  });
});

test('the program that kubectl starts belongs to this checkout', async () => {
  expect(await readFile(path.join(plugin.ctx.paths.bin, 'kubectl-checkpoint'), 'utf8')).toContain(
    plugin.ctx.paths.inRoot('scripts', 'run.mjs'),
  );
});
