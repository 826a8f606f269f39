import { constants } from 'node:fs';
import { access, readdir, readFile, readlink, stat, statfs } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { isAlive } from '../../core/process.js';
import { thisUser } from '../../core/user.js';

/** Room on a file system. */
export interface Room {
  /** Bytes that this user may still write. */
  readonly free: number;
  /** Tells file systems apart. */
  readonly device: number;
}

/** Whose a file or folder is. */
export interface Ownership {
  readonly uid: number;
  /** True when this user may write there. */
  readonly writable: boolean;
}

/** What a check reads of the machine beside commands; tests bring their own. */
export interface Machine {
  /** Of whoever runs this. */
  readonly uid: number;
  /** For people: the login name, or the user ID. */
  readonly user: string;
  /** Undefined for a user ID without an entry: no group can be joined with it. */
  readonly login: string | undefined;
  readonly home: string;
  /** As Node names it: x64, arm64. */
  readonly arch: string;
  /** Version of the Node that runs this, without v. */
  readonly node: string;
  /** Text of a file; one whose name ends in .gz is unpacked. Undefined when it is not there or may not be read. */
  read(file: string): Promise<string | undefined>;
  /** Names in a folder; none when it is not there or may not be read. */
  list(folder: string): Promise<string[]>;
  /** What a symbolic link points to. */
  link(file: string): Promise<string | undefined>;
  /** Undefined when there is no such thing. */
  ownership(file: string): Promise<Ownership | undefined>;
  /** What /proc/locks calls a file: its device as hexadecimal `major:minor`, and its inode. Undefined when it is not there. */
  identity(file: string): Promise<{ readonly device: string; readonly inode: string } | undefined>;
  /** Room at a path, which need not be there yet. */
  room(file: string): Promise<Room | undefined>;
  isAlive(pid: number): boolean;
}

/** This machine. */
export function thisMachine(): Machine {
  const { uid, login, name } = thisUser();
  return {
    uid,
    user: name,
    login,
    home: homedir(),
    arch: process.arch,
    node: process.versions.node,
    read: async (file) => {
      try {
        const content = await readFile(file);
        return (file.endsWith('.gz') ? await promisify(gunzip)(content) : content).toString('utf8');
      } catch {
        return undefined;
      }
    },
    list: (folder) => readdir(folder).catch(() => []),
    link: (file) => readlink(file).catch(() => undefined),
    ownership: async (file) => {
      const found = await stat(file).catch(() => undefined);
      if (found === undefined) return undefined;
      const writable = await access(file, constants.W_OK).then(
        () => true,
        () => false,
      );
      return { uid: found.uid, writable };
    },
    identity: async (file) => {
      const found = await stat(file).catch(() => undefined);
      return found === undefined ? undefined : { device: hexDevice(found.dev), inode: String(found.ino) };
    },
    room: async (file) => {
      for (let place = path.resolve(file); ; place = path.dirname(place)) {
        try {
          const [{ bavail, bsize }, { dev }] = await Promise.all([statfs(place), stat(place)]);
          return { free: bavail * bsize, device: dev };
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || place === path.dirname(place)) return undefined;
        }
      }
    },
    isAlive,
  };
}

/** A device number as the kernel writes it in /proc/locks: major and minor out of Linux's encoding (makedev(3)). */
function hexDevice(device: number): string {
  const number = BigInt(device);
  const major = ((number >> 8n) & 0xfffn) | ((number >> 32n) & 0xfffff000n);
  const minor = (number & 0xffn) | ((number >> 12n) & 0xffffff00n);
  return [major, minor].map((part) => part.toString(16).padStart(2, '0')).join(':');
}
