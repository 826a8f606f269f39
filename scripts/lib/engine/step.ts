import { statSync } from 'node:fs';
import type { Context } from '../core/context.js';
import type { JsonObject } from '../core/json.js';

/** A thing that a step makes, and how to see that it is still the one that was made. */
export interface Product {
  /** Shown to people: a path, an image name. */
  readonly name: string;
  /** Something that changes when the product is another one; undefined when it is not there. Must be quick. */
  fingerprint(ctx: Context): Promise<string | undefined>;
}

/** What a running step gets. */
export interface StepContext extends Context {
  /** File for the output of commands; the runner writes there by itself. */
  readonly log: string;
  /** Shows a line of progress. */
  readonly status: (line: string) => void;
  /**
   * Tells how far the step is: what is left, and when it will be done, is worked out from it.
   * @param fraction 0 to 1, by something that goes on evenly: packages compiled, bytes
   * @param detail what that is made of, e.g. "1632 of 2623 packages"
   */
  readonly progress: (fraction: number, detail?: string) => void;
}

/** A thing made, as data. The engine decides whether, when and beside what it runs. */
export interface Step {
  readonly id: string;
  /** What it makes, as a noun: "CRIU". */
  readonly title: string;
  readonly needs?: readonly Step[];
  /** Files and folders, relative to the checkout, whose content the product depends on. */
  readonly inputs?: readonly string[];
  /** Everything else that the product depends on, by the name under which a change is reported. */
  readonly options?: (ctx: Context) => JsonObject | Promise<JsonObject>;
  readonly produces?: (ctx: Context) => readonly Product[];
  /**
   * For the state of a machine, which no stamp can vouch for: resolves to the reason why the step must run, or to undefined
   * when all is as it should be. Asked in every run. Must be quick and change nothing.
   */
  readonly check?: (ctx: Context) => Promise<string | undefined>;
  /** Number of places that it takes of the engine’s (see `machine.ts`): 2 for what uses all cores, 0 for what waits. Default 1. */
  readonly weight?: 0 | 1 | 2;
  /** Seconds that it takes from nothing, on two cores, beside others. What it took the last time counts more. */
  readonly seconds?: number;
  /** What it uses beside cores and no other step may use meanwhile: `apt`, `docker` (the daemon), a folder of sources. */
  readonly uses?: readonly string[];
  /** True when it tells whether this machine will do at all: it begins, with what it needs, before anything that takes long. */
  readonly early?: true;
  /** True when it runs commands as root: where that is not the user, the password is asked for before the steps begin. */
  readonly asRoot?: true;
  run(ctx: StepContext): Promise<void>;
}

/** Makes a step; a step that could never be known to be done is a mistake. */
export function step<S extends Step>(definition: S): S {
  if (definition.produces === undefined && definition.check === undefined)
    throw new TypeError(`step ${definition.id} has neither products nor a check`);
  return definition;
}

/** A file or folder as a product. Its size and time of change tell whether it is the one that was made. */
export function file(path: string): Product {
  return {
    name: path,
    async fingerprint() {
      try {
        const found = statSync(path);
        return found.isDirectory() ? 'folder' : `${found.size}-${Math.round(found.mtimeMs)}`;
      } catch {
        return undefined;
      }
    },
  };
}
