import { userInfo } from 'node:os';

/** Who runs this. */
export interface User {
  readonly uid: number;
  /** Login name; undefined for a user ID that the system has no entry for, as in a container that was given an ID alone. */
  readonly login: string | undefined;
  /** For people: the login name, or `uid 1234`. */
  readonly name: string;
}

/** The user of this process. @param look as os.userInfo(), which throws where there is no entry */
export function thisUser(look: () => { readonly username: string } = userInfo, uid = process.getuid?.() ?? 0): User {
  try {
    const { username } = look();
    return { uid, login: username, name: username };
  } catch {
    return { uid, login: undefined, name: `uid ${uid}` };
  }
}
