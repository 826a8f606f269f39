import path from 'node:path';
import type { Check, Finding, Surroundings } from '../../scripts/lib/host/doctor/check.js';
import { type Subject, surroundings } from '../../scripts/lib/host/doctor/examine.js';
import type { Machine, Ownership, Room } from '../../scripts/lib/host/doctor/machine.js';
import { testContext } from './context.js';
import { type Answers, fakeRunner } from './fake-runner.js';

/** What a machine that is not there has. */
export interface FakeMachine extends Partial<Pick<Machine, 'uid' | 'user' | 'login' | 'home' | 'arch' | 'node'>> {
  /** Content by path. */
  readonly files?: Readonly<Record<string, string>>;
  /** Targets of symbolic links by path. */
  readonly links?: Readonly<Record<string, string>>;
  /** Folders and files that belong to somebody; those of `files` are writable. */
  readonly owners?: Readonly<Record<string, Ownership>>;
  /** Device and inode by path. */
  readonly identities?: Readonly<Record<string, { device: string; inode: string }>>;
  /** Room by the start of a path; the longest that fits holds. */
  readonly rooms?: Readonly<Record<string, Room>>;
  /** Processes that run. */
  readonly alive?: readonly number[];
}

/** A machine made of these facts alone: it reads nothing of the one that runs the test. */
export function fakeMachine(facts: FakeMachine = {}): Machine {
  const { files = {}, links = {}, owners = {}, identities = {}, rooms = {}, alive = [] } = facts;
  const paths = [...Object.keys(files), ...Object.keys(links), ...Object.keys(owners)];
  return {
    uid: facts.uid ?? 1000,
    user: facts.user ?? 'alice',
    login: 'login' in facts ? facts.login : 'alice',
    home: facts.home ?? '/home/alice',
    arch: facts.arch ?? 'x64',
    node: facts.node ?? '20.11.0',
    read: async (file) => files[file],
    list: async (folder) => [
      ...new Set(
        paths.flatMap((file) => {
          const inside = path.relative(folder, file).split(path.sep)[0] ?? '';
          return inside === '' || inside === '..' ? [] : [inside];
        }),
      ),
    ],
    link: async (file) => links[file],
    ownership: async (file) => owners[file] ?? (file in files ? { uid: 1000, writable: true } : undefined),
    identity: async (file) => identities[file],
    room: async (file) => {
      const nearest = Object.keys(rooms)
        .filter((start) => file.startsWith(start))
        .sort((a, b) => b.length - a.length)[0];
      return nearest === undefined ? undefined : rooms[nearest];
    },
    isAlive: (pid) => alive.includes(pid),
  };
}

/** What a check looks at in a test. */
export interface Scene extends Omit<Subject, 'machine' | 'reach'> {
  readonly reach?: Surroundings['reach'];
  readonly machine?: FakeMachine;
  readonly commands?: Answers;
  readonly env?: NodeJS.ProcessEnv;
  /** The checkout. */
  readonly root?: string;
}

/** Surroundings made of these facts alone. */
export function scene({ machine, commands, env = {}, root = '/home/alice/checkout', ...subject }: Scene = {}): Surroundings {
  const ctx = testContext({ runner: fakeRunner(commands), env, root });
  const refuse = async (url: string): Promise<never> => {
    throw new TypeError(`the test did not expect this address: ${url}`);
  };
  return surroundings(ctx, { reach: refuse, ...subject, machine: fakeMachine(machine) });
}

/** What the check of this ID finds. */
export function look(checks: readonly Check[], id: string, facts: Scene = {}): Promise<Finding> {
  const check = checks.find((one) => one.id === id);
  if (check === undefined) throw new TypeError(`there is no check ${id}`);
  return check.look(scene(facts));
}
