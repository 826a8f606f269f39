import { UsageError } from '../../lib/core/errors.js';

/** An image's name in full (https://github.com/opencontainers/distribution-spec, distribution/reference). */
export interface ImageName {
  /** Host of the registry, with its port where it has one. */
  readonly registry: string;
  readonly repository: string;
  readonly tag: string;
  /** All of it, as runtimes know the image: nothing is left out. */
  readonly full: string;
}

const DOCKER_HUB = 'docker.io';
const PART = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*';
const REPOSITORY = new RegExp(`^${PART}(?:/${PART})*$`);
const REGISTRY = /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?|\[[0-9a-fA-F:]+\])(?::\d+)?$/;
const TAG = /^\w[\w.-]{0,127}$/;

/**
 * Reads an image's name as people write it: without a registry it is Docker Hub's, without a tag it is `latest`.
 * @param flag that it was given by, for the error
 * @throws UsageError when it is none, or one of a digest
 */
export function readImageName(text: string, flag = '--tag'): ImageName {
  const refuse = (why: string): UsageError =>
    new UsageError(`${flag}: ${text} is not an image’s name: ${why}`, { hint: 'REGISTRY/NAME:TAG' });
  if (text.includes('@')) throw refuse('an image that is yet to be made has no digest');
  const slash = text.indexOf('/');
  const first = slash < 0 ? '' : text.slice(0, slash);
  const named = first.includes('.') || first.includes(':') || first === 'localhost';
  const [registry, rest] = named ? [first, text.slice(slash + 1)] : [DOCKER_HUB, text];
  const colon = rest.lastIndexOf(':');
  const [path, tag] = colon < 0 ? [rest, 'latest'] : [rest.slice(0, colon), rest.slice(colon + 1)];
  const repository = registry === DOCKER_HUB && !path.includes('/') ? `library/${path}` : path;
  if (!REGISTRY.test(registry)) throw refuse('its registry is no host');
  if (!REPOSITORY.test(repository)) throw refuse('lower-case letters, digits, and . _ - / between them');
  if (!TAG.test(tag)) throw refuse('its tag has other than letters, digits, _ . -');
  return { registry, repository, tag, full: `${registry}/${repository}:${tag}` };
}
