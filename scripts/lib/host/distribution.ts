import { readFile } from 'node:fs/promises';

/** The ID and codename of /etc/os-release, e.g. debian and bookworm (os-release(5)). */
export interface Distribution {
  readonly id: string;
  readonly codename: string;
}

/** Reads what distribution this is; empty where the file does not say. */
export async function distribution(osRelease = '/etc/os-release'): Promise<Distribution> {
  const text = await readFile(osRelease, 'utf8').catch(() => '');
  const field = (name: string): string => new RegExp(`^${name}="?([^"\n]*)"?$`, 'm').exec(text)?.[1] ?? '';
  return { id: field('ID'), codename: field('VERSION_CODENAME') };
}
