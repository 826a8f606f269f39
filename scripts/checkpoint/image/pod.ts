import { type NewPodManifest, type OldPod, type Reshaped, reshapePod, type Wish } from '../pod-manifest.js';

/** An image of a checkpoint, as a node finds it. */
export interface NodeImage {
  readonly image: string;
  /** `Never` where it was laid into the node, `IfNotPresent` where it is to be pulled. */
  readonly imagePullPolicy: 'Never' | 'IfNotPresent';
}

/**
 * Makes a pod out of an old one, of whose containers those named have images of checkpoints in place of their own. Unlike with archives
 * nothing comes along of volumes: init containers run as in any new pod.
 * @param images by container
 */
export function reshapeWithImages(old: OldPod, wish: Omit<Wish, 'archives'>, images: Readonly<Record<string, NodeImage>>): Reshaped {
  const shape = reshapePod(old, { ...wish, archives: {} });
  return {
    ...shape,
    manifest: withImages(shape.manifest, images),
    fromImage: shape.fromImage.filter((name) => !Object.hasOwn(images, name)),
  };
}

/** The same pod, with other images. */
export function withImages(manifest: NewPodManifest, images: Readonly<Record<string, NodeImage>>): NewPodManifest {
  const change = <C extends { readonly name: string }>(container: C): C => ({ ...container, ...images[container.name] });
  const { spec } = manifest;
  return {
    ...manifest,
    spec: {
      ...spec,
      containers: spec.containers.map(change),
      ...(spec.initContainers == null ? {} : { initContainers: spec.initContainers.map(change) }),
    },
  };
}
