import { readFile } from 'node:fs/promises';

/** What /etc/os-release says (os-release(5)), e.g. debian and bookworm. */
export interface Distribution {
  readonly id: string;
  readonly codename: string;
  /** With its release, for people: "Debian GNU/Linux 12 (bookworm)". */
  readonly name: string;
}

/** A field of the text of /etc/os-release (os-release(5)); empty where it does not say. */
export function osReleaseField(text: string, name: string): string {
  return new RegExp(`^${name}=["']?([^"'\n]*)["']?$`, 'm').exec(text)?.[1] ?? '';
}

/** Reads what distribution this is; empty where the file does not say. */
export async function distribution(osRelease = '/etc/os-release'): Promise<Distribution> {
  const text = await readFile(osRelease, 'utf8').catch(() => '');
  return {
    id: osReleaseField(text, 'ID'),
    codename: osReleaseField(text, 'VERSION_CODENAME'),
    name: osReleaseField(text, 'PRETTY_NAME'),
  };
}
