import path from 'node:path';
import { put } from './context.js';
import { type Answer, type Call, type FakeRunner, fakeRunner } from './fake-runner.js';

/** A Go command that builds what it is told to; what else it does, and every other command, is answered by `more`. */
export function goRunner(more: (call: Call) => Answer | undefined | Promise<Answer | undefined> = () => undefined): FakeRunner {
  return fakeRunner(async (call) => {
    const { line, args } = call;
    if (line === 'go env GOVERSION') return 'go1.23.6';
    // How far it is, is asked beside.
    if (line.startsWith('go list -deps')) return '';
    if (call.file !== 'go' || args[0] !== 'build') return more(call);
    const [output = '', ...packages] = args.slice(args.indexOf('-o') + 1);
    for (const name of packages) await put(output.endsWith('/') ? path.join(output, path.basename(name)) : output, name);
    return '';
  });
}

/** The calls of `go build`. */
export function goBuilds({ calls }: FakeRunner): Call[] {
  return calls.filter(({ file, args }) => file === 'go' && args[0] === 'build');
}
