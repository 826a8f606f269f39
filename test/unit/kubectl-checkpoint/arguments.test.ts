import { describe, expect, test } from 'vitest';
import { type CheckpointFlags, type Command, checkpointFlags, readCommand } from '../../../scripts/kubectl-checkpoint/arguments.js';
import { readArguments, task } from '../../../scripts/lib/cli/task.js';
import { UsageError } from '../../../scripts/lib/core/errors.js';

const plugin = task({ name: 'checkpoint', summary: '', words: 'POD', flags: checkpointFlags, run: async () => undefined });

function command(...args: string[]): Command {
  const { words, flags } = readArguments(plugin, args);
  return readCommand(words, flags as CheckpointFlags);
}

function refusal(...args: string[]): UsageError {
  try {
    command(...args);
  } catch (error) {
    expect(error).toBeInstanceOf(UsageError);
    return error as UsageError;
  }
  throw new TypeError(`${args.join(' ')} was taken`);
}

describe('kubectl checkpoint', () => {
  test.each([[['counter']], [['pod/counter']], [['pods/counter']], [['po/counter']], [['pod', 'counter']]])(
    'takes the pod as %j',
    (words) => {
      expect(command(...words)).toEqual({ verb: 'checkpoint', pod: 'counter', via: undefined, fetch: 'auto', timeoutSeconds: 600 });
    },
  );

  test('takes flags, short and long', () => {
    expect(
      command('counter', '-n', 'shop', '-c', 'web', '-o', 'a.tar', '--timeout', '60s', '--via', 'node-proxy', '--fetch', 'pod'),
    ).toEqual({
      verb: 'checkpoint',
      pod: 'counter',
      via: 'node-proxy',
      fetch: 'pod',
      timeoutSeconds: 60,
    });
  });

  test('takes archives that lie here and on nodes, of several containers', () => {
    const name = 'checkpoint-web_shop-main-2026-01-02T03:04:05Z.tar';
    expect(command('restore', 'a.tar', 'b.tar')).toMatchObject({ verb: 'restore', places: [{ file: 'a.tar' }, { file: 'b.tar' }] });
    expect(
      command('restore', '--from', `node-1:${name}`, '--from', `n2:/var/lib/kubelet/checkpoints/b.tar`, 'c.tar', '--timeout', '5m'),
    ).toEqual({
      verb: 'restore',
      places: [{ file: 'c.tar' }, { node: 'node-1', name }, { node: 'n2', name: 'b.tar' }],
      name: undefined,
      podFile: undefined,
      fetch: 'auto',
      timeoutMs: 300_000,
    });
    expect(command('restore', 'a.tar', '--name', 'web-2', '--pod', 'web.yaml', '--node', 'n2', '-n', 'shop')).toMatchObject({
      name: 'web-2',
      podFile: 'web.yaml',
    });
  });

  test('has verbs, and pods of their names by pod/NAME', () => {
    expect(command('ls', '-n', 'shop')).toEqual({ verb: 'ls', fetch: 'auto' });
    expect(command('rm', 'a', 'b', '--fetch', 'docker')).toEqual({ verb: 'rm', archives: ['a', 'b'], fetch: 'docker' });
    expect(command('inspect', 'a.tar')).toEqual({ verb: 'inspect', file: 'a.tar' });
    expect(command('pod/ls')).toMatchObject({ verb: 'checkpoint', pod: 'ls' });
    expect(command('checkpoint')).toMatchObject({ verb: 'checkpoint', pod: 'checkpoint' });
  });

  test('builds an image of an archive under a name', () => {
    const image = { registry: 'docker.io', repository: 'library/counter', tag: 'one', full: 'docker.io/library/counter:one' };
    expect(command('build', 'a.tar', '-t', 'counter:one')).toEqual({ verb: 'build', archive: 'a.tar', image });
    expect(command('build', 'a.tar', '--tag', 'counter:one', '--push', '-o', 'b.tar')).toMatchObject({ verb: 'build', image });
  });

  test('moves pods, or brings to an end what was begun', () => {
    expect(command('migrate', 'web', 'pod/api', '--to', 'n2', '-n', 'shop')).toMatchObject({
      verb: 'migrate',
      pods: ['web', 'api'],
      to: 'n2',
      force: false,
      takeOver: false,
      timeoutSeconds: 600,
    });
    expect(command('migrate', 'pod', 'web', '--to', 'n2', '--name', 'web-2', '--force')).toMatchObject({
      pods: ['web'],
      name: 'web-2',
      force: true,
    });
    expect(command('migrate', 'web', '--recover')).toMatchObject({ to: undefined, takeOver: true });
  });

  test.each([
    { args: ['migrate'], message: 'migrate: name a pod' },
    { args: ['migrate', 'web'], message: 'migrate: name the node to go to' },
    { args: ['migrate', 'web', 'api', '--to', 'n2', '--name', 'x'], message: '--name: several pods cannot have one name' },
    { args: ['migrate', 'deploy/web', '--to', 'n2'], message: 'deploy/web is no pod' },
    { args: ['migrate', 'web', '--to', 'n2', '-o', 'a.tar'], message: 'migrate does not take --output' },
    { args: ['web', '--to', 'n2'], message: 'a checkpoint does not take --to' },
    { args: ['build'], message: 'build: name an archive' },
    { args: ['build', 'a.tar'], message: 'build: name the image' },
    { args: ['build', 'a.tar', 'b.tar', '-t', 'x'], message: 'build: one word too many: b.tar' },
    { args: ['build', 'a.tar', '-t', 'x', '--context', 'y'], message: 'build does not take --context' },
    { args: ['counter', '--push'], message: 'a checkpoint does not take --push' },
    { args: [], message: 'kubectl checkpoint: name a pod' },
    { args: ['Counter'], message: 'Counter is no pod' },
    { args: ['deployment/web'], message: 'deployment/web is no pod' },
    { args: ['../counter'], message: '../counter is no pod' },
    { args: ['a', 'b'], message: 'a: one word too many: b' },
    { args: ['ls', 'counter'], message: 'ls: one word too many: counter' },
    { args: ['inspect'], message: 'inspect: name a file' },
    { args: ['inspect', 'a', 'b'], message: 'inspect: one word too many: b' },
    { args: ['rm'], message: 'rm: name an archive' },
    { args: ['counter', '--via', 'ssh'], message: '--via: ssh is none of api, node-proxy, kubelet' },
    { args: ['ls', '--fetch', 'scp'], message: '--fetch: scp is none of auto, docker, pod' },
    { args: ['counter', '--timeout', 'soon'], message: '--timeout: soon is not a duration' },
    { args: ['ls', '-o', 'x', '-c', 'y'], message: 'ls does not take --container, --output' },
    { args: ['counter', '--node', 'n'], message: 'a checkpoint does not take --node' },
    { args: ['inspect', 'a', '--context', 'x'], message: 'inspect does not take --context' },
    { args: ['rm', 'a', '-n', 'x'], message: 'rm does not take --namespace' },
    { args: ['restore'], message: 'restore: name an archive' },
    { args: ['restore', '--from', 'a.tar'], message: '--from: a.tar names no archive on a node' },
    { args: ['restore', '--from', 'node:../x.tar'], message: '--from: node:../x.tar names no archive on a node' },
    { args: ['restore', '--from', 'node:x'], message: '--from: node:x names no archive on a node' },
    { args: ['restore', 'a.tar', '--name', 'Web'], message: '--name: Web is no name for a pod' },
    { args: ['restore', 'a.tar', '-c', 'x'], message: 'restore does not take --container' },
    { args: ['counter', '--from', 'n:a.tar'], message: 'a checkpoint does not take --from' },
  ])('refuses $args', ({ args, message }) => {
    const error = refusal(...args);
    expect(error.message).toBe(message);
    expect(error.exitCode).toBe(2);
  });
});
