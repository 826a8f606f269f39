import { readFile } from 'node:fs/promises';
import YAML from 'yaml';
import { kubectl } from '../lib/cluster/kubectl.js';
import type { Context } from '../lib/core/context.js';
import { ToolkitError } from '../lib/core/errors.js';
import { imageNames } from '../lib/core/options.js';
import { type Count, readCount, untilPast } from './counter.js';

/** A manifest of the checkout, with the counter image of this instance in the place of `counter:latest`. */
export async function counterManifest(ctx: Context, name: string): Promise<string> {
  const documents = YAML.parseAllDocuments(await readFile(ctx.paths.inRoot('manifests', name), 'utf8'));
  for (const document of documents) {
    const containers: unknown = document.getIn(['spec', 'containers']);
    if (!YAML.isSeq(containers)) continue;
    for (const container of containers.items) {
      if (YAML.isMap(container) && container.get('image') === 'counter:latest') container.set('image', imageNames(ctx.options).counter);
    }
  }
  return documents.map((document) => document.toString()).join('---\n');
}

/** Applies a manifest with one pod, anew, and returns when the pod runs. */
export async function applyAnew(ctx: Context, manifest: string, pod: string): Promise<void> {
  await kubectl(ctx, ['delete', 'pod', pod, '--ignore-not-found', '--now', '--wait'], {
    failure: `the former pod ${pod} could not be deleted`,
  });
  await kubectl(ctx, ['apply', '--filename', '-'], { input: manifest, failure: `pod ${pod} could not be applied` });
  await kubectl(ctx, ['wait', '--for=condition=Ready', `pod/${pod}`, '--timeout=60s'], {
    failure: `pod ${pod} does not get ready`,
    hint: `npm run kubectl -- describe pod ${pod}`,
  });
}

async function counterLog(ctx: Context, pod: string, container: string): Promise<string> {
  return (await kubectl(ctx, ['logs', pod, '--container', container])).stdout;
}

/** What the counter in a pod has printed so far; proves that it has no gap and no repeat. */
export async function podCount(ctx: Context, pod: string, container: string): Promise<Count> {
  return readCount(await counterLog(ctx, pod, container));
}

/** Returns once the counter has got past a number. @throws ToolkitError when it stands still */
export function countsPast(ctx: Context, pod: string, container: string, number: number): Promise<Count> {
  return untilPast(
    ctx,
    number,
    () => counterLog(ctx, pod, container),
    () =>
      new ToolkitError(`the counter of pod ${pod} has not got past ${number}`, {
        hint: 'A paused container stands still: npm run cluster:status',
      }),
  );
}
