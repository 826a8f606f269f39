import path from 'node:path';
import YAML from 'yaml';
import * as z from 'zod';
import { type Check, pass, type Surroundings, skip, warn } from './check.js';

/** What a killed run left half-made; the next run removes it by itself. */
const halfMade: Check = {
  id: 'leftovers',
  title: 'leftovers of killed runs',
  quick: false,
  async look(on) {
    const { paths, machine } = on;
    const holder = Number(await machine.read(path.join(paths.locks, 'steps.pid')));
    if (holder > 0 && machine.isAlive(holder)) return pass(`a run is at work (process ${holder})`);
    const found: string[] = [];
    const mends = new Set<string>();
    const half = (await Promise.all([paths.bin, paths.build, paths.src, paths.stamps].map((folder) => machine.list(folder))))
      .flat()
      // As `replace` names what it makes.
      .filter((name) => /\.[0-9a-f]{8}\.tmp$/.test(name)).length;
    const abandoned = (await machine.list(path.dirname(paths.tmp))).filter(
      (name) => !(Number(name) > 0) || !machine.isAlive(Number(name)),
    ).length;
    if (half + abandoned > 0) {
      found.push(`${half + abandoned} half-made files and folders`);
      mends.add('npm run setup   (removes them when it has something to do)');
    }
    for (const name of await machine.list(paths.stamps)) {
      const cluster = /^cluster-(.+)\.unfinished$/.exec(name)?.[1];
      const maker = Number(await machine.read(path.join(paths.stamps, name)));
      if (cluster === undefined || (maker > 0 && machine.isAlive(maker))) continue;
      found.push(`the creation of cluster ${cluster} was not finished`);
      mends.add(`npm run cluster:up -- --name ${cluster}   (or: npm run cluster:down -- --name ${cluster})`);
    }
    const locks = (await machine.list(paths.locks)).filter((name) => name.endsWith('.pid'));
    for (const name of locks) {
      const pid = Number(await machine.read(path.join(paths.locks, name)));
      if (pid > 0 && !machine.isAlive(pid))
        found.push(`the lock ${name.replace(/\.pid$/, '')} of process ${pid}, which is gone (taken over by whoever wants it)`);
    }
    return found.length === 0 ? pass('none') : warn(found.join('; '), [...mends].join('\n') || undefined);
  },
};

const kubeconfigSchema = z.looseObject({ contexts: z.array(z.looseObject({ name: z.string() })).nullish() });

/** Clusters of kind whose containers are there and that no kubeconfig knows. */
const strayClusters: Check = {
  id: 'stray-clusters',
  title: 'clusters without kubeconfig',
  quick: false,
  async look(on) {
    const list = ['ps', '--all', '--filter', 'label=io.x-k8s.kind.cluster', '--format', '{{.Label "io.x-k8s.kind.cluster"}}'];
    const { stdout, exitCode } = await on.runner.run('docker', list, { accept: true }).catch(() => ({ stdout: '', exitCode: 1 }));
    if (exitCode !== 0) return skip('no engine answers');
    const clusters = [...new Set(stdout.split('\n').filter(Boolean))];
    const known = await kubeContexts(on);
    const stray = clusters.filter((name) => !known.has(`kind-${name}`));
    if (stray.length === 0) return pass(clusters.length === 0 ? 'there is no cluster' : `none of ${clusters.length}`);
    return warn(
      `${stray.join(', ')}: kubectl does not know ${stray.length === 1 ? 'it' : 'them'}`,
      stray
        .map((name) => `npm run kind -- export kubeconfig --name ${name}   (or: npm run kind -- delete cluster --name ${name})`)
        .join('\n'),
    );
  },
};

/** Contexts of the kubeconfig files that kubectl would read. */
async function kubeContexts({ env, machine }: Surroundings): Promise<Set<string>> {
  const files = env['KUBECONFIG'] ? env['KUBECONFIG'].split(path.delimiter).filter(Boolean) : [path.join(machine.home, '.kube', 'config')];
  const names = new Set<string>();
  for (const file of files) {
    const parsed = kubeconfigSchema.safeParse(YAML.parse((await machine.read(file)) ?? ''));
    for (const { name } of parsed.success ? (parsed.data.contexts ?? []) : []) names.add(name);
  }
  return names;
}

export const leftoverChecks: readonly Check[] = [halfMade, strayClusters];
