import path from 'node:path';
import type { Context } from '../core/context.js';
import { file, type Step, step } from '../engine/step.js';
import { distribution } from '../host/distribution.js';
import { type GoRecipe, goBuild, type Pin, pinnedVersion, readPin, wholeRecipe } from './go.js';

/** What a component is built from. */
export interface GoSource {
  /** The module that its pin stands for. */
  readonly module: string;
  /** What it depends on, relative to the checkout. */
  readonly inputs: readonly string[];
  /** Makes it ready to build. */
  layOut(ctx: Context): Promise<Layout>;
}

/** A source that is ready to build. */
export interface Layout {
  readonly pin: Pin;
  /** Folder to build in: a module with the pin's requirements. */
  readonly folder: string;
}

/** A module as its pin has it. @param folder of the pin, in the checkout */
export function pinned(folder: string, module: string): GoSource {
  return {
    module,
    inputs: [`${folder}/go.mod`, `${folder}/go.sum`],
    async layOut(ctx) {
      const pin = await readPin(ctx.paths.inRoot(folder));
      return { pin, folder: pin.folder };
    },
  };
}

/** Programs in Go, built from a pin. */
export interface GoComponent extends Omit<GoRecipe, 'ldflags' | 'env'> {
  readonly id: string;
  readonly title: string;
  /** As in {@link Step}. */
  readonly seconds: number;
  readonly source: GoSource;
  readonly needs: readonly Step[];
  /** Flags for the linker, from the pinned version (with its v). */
  readonly ldflags?: (version: string) => readonly string[];
  /** The folder that they are put into: `.cache/build/ID`, or `.cache/bin` for what people and tasks call. Default: build. */
  readonly into?: 'build' | 'bin';
}

/** Stands for the pinned version in keys, where the pin is a part by itself. */
const SOME_VERSION = 'v1.2.3';

/** A step that builds a component's programs. */
export function goComponent({ id, title, seconds, source, needs, ldflags, into = 'build', ...rest }: GoComponent): Step {
  const recipe = (version: string): GoRecipe => ({ ...rest, ldflags: ldflags?.(version) ?? [] });
  const folder = ({ paths }: Pick<Context, 'paths'>): string => (into === 'bin' ? paths.bin : path.join(paths.build, id));
  return step({
    id,
    title,
    seconds,
    needs,
    inputs: source.inputs,
    options: async () => ({
      ...wholeRecipe(recipe(SOME_VERSION)),
      // By this system's compiler, with its libraries.
      ...(rest.cgo === true ? { system: (await distribution()).name } : {}),
    }),
    produces: (ctx) => Object.keys(rest.programs).map((name) => file(path.join(folder(ctx), name))),
    async run(ctx) {
      const { pin, folder: cwd } = await source.layOut(ctx);
      await goBuild(ctx, { ...recipe(pinnedVersion(pin, source.module)), pin, cwd, folder: folder(ctx) });
    },
  });
}

/** Where a component's program lies after its step, unless that puts it into `.cache/bin`. */
export function componentProgram(ctx: Pick<Context, 'paths'>, id: string, name: string): string {
  return path.join(ctx.paths.build, id, name);
}
