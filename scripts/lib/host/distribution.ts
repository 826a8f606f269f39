import { readFile } from 'node:fs/promises';

/** The ID and codename of /etc/os-release, e.g. debian and bookworm (os-release(5)). */
export interface Distribution {
  readonly id: string;
  readonly codename: string;
}

/** A field of the text of /etc/os-release (os-release(5)); empty where it does not say. */
export function osReleaseField(text: string, name: string): string {
  return new RegExp(`^${name}=["']?([^"'\n]*)["']?$`, 'm').exec(text)?.[1] ?? '';
}

/** Reads what distribution this is; empty where the file does not say. */
export async function distribution(osRelease = '/etc/os-release'): Promise<Distribution> {
  const text = await readFile(osRelease, 'utf8').catch(() => '');
  return { id: osReleaseField(text, 'ID'), codename: osReleaseField(text, 'VERSION_CODENAME') };
}
