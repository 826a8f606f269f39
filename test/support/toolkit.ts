import { fileURLToPath } from 'node:url';
import { execa } from 'execa';

const runMjs = fileURLToPath(new URL('../../scripts/run.mjs', import.meta.url));

/** How a task of the toolkit ended. */
export interface Ended {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly seconds: number;
}

/** Runs a task of the toolkit as a user would, in a process of its own. */
export async function toolkit(task: string, args: readonly string[] = [], env: Readonly<Record<string, string>> = {}): Promise<Ended> {
  const start = Date.now();
  const { exitCode, stdout, stderr } = await execa('node', [runMjs, task, ...args], { reject: false, env: { ...env }, stdin: 'ignore' });
  return { exitCode: exitCode ?? -1, stdout, stderr, seconds: (Date.now() - start) / 1000 };
}

/** Runs a task that must succeed, and reads its JSON. */
export async function toolkitJson(task: string, args: readonly string[] = []): Promise<unknown> {
  const { exitCode, stdout, stderr } = await toolkit(task, [...args, '--json']);
  if (exitCode !== 0) throw new Error(`npm run ${task} -- ${args.join(' ')} ended with ${exitCode}\n${stderr.slice(-4000)}`);
  return JSON.parse(stdout);
}

/** Runs a program and gives its output; it must succeed. */
export async function program(file: string, ...args: string[]): Promise<string> {
  return (await execa(file, args)).stdout;
}
