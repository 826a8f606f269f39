import type { Answer, Call } from './fake-runner.js';

/** A Docker engine, as far as it is not an ordinary one. */
export interface FakeEngine {
  readonly info?: Record<string, unknown>;
  readonly host?: string;
  /** What docker prints when no engine answers. */
  readonly complaint?: string;
  readonly installed?: boolean;
}

/** Answers of a docker that has this engine behind it. */
export function docker(
  { info = {}, host = 'unix:///var/run/docker.sock', complaint, installed = true }: FakeEngine,
  more: (call: Call) => Answer | undefined = () => undefined,
): { commands: (call: Call) => Answer | undefined } {
  const client = { Version: '28.2.2', Plugins: [{ Name: 'buildx', Version: '0.13.1' }] };
  const server: Record<string, unknown> =
    complaint === undefined ? { ServerVersion: '26.1.5', Driver: 'overlay2', KernelVersion: undefined, ...info } : {};
  return {
    commands: (call) => {
      if (!installed && call.file === 'docker') return new Error('docker: command not found');
      const failed = complaint === undefined ? {} : { stderr: complaint, exitCode: 1 };
      if (call.line.startsWith('docker info'))
        return { stdout: JSON.stringify({ ...server, ClientInfo: { ...client, ...(info['ClientInfo'] as object) } }), ...failed };
      if (call.line.startsWith('docker version'))
        return {
          stdout: JSON.stringify({
            Client: { Version: '28.2.2' },
            ...(complaint === undefined ? { Server: { Version: server['ServerVersion'] ?? '26.1.5' } } : {}),
          }),
          ...failed,
        };
      if (call.line.startsWith('docker context inspect')) return JSON.stringify({ Name: 'default', Endpoints: { docker: { Host: host } } });
      if (call.line.includes('command -v docker')) return '/usr/bin/docker';
      return more(call);
    },
  };
}
