import path from 'node:path';
import type { Context } from '../core/context.js';
import { file, type Step, step } from '../engine/step.js';
import { goBuild, pinnedVersion, readPin } from './go.js';

/** A program in Go, built as its pin says. */
export interface GoComponent {
  readonly id: string;
  readonly title: string;
  /** As in {@link Step}. */
  readonly seconds: number;
  /** Folder of the pin, in the checkout. */
  readonly folder: string;
  /** The module that the pin stands for. */
  readonly module: string;
  /** Package path by name of the program. */
  readonly programs: Readonly<Record<string, string>>;
  readonly needs: readonly Step[];
  /** Further flags of go build. */
  readonly flags?: readonly string[];
  readonly tags?: readonly string[];
  /** Flags for the linker, from the pinned version (with its v). */
  readonly ldflags?: (version: string) => readonly string[];
  readonly cgo?: boolean;
}

/** A step that builds a component's programs into `.cache/build/ID/`. */
export function goComponent({
  id,
  title,
  seconds,
  folder,
  module,
  programs,
  needs,
  flags = [],
  tags = [],
  ldflags,
  cgo = false,
}: GoComponent): Step {
  return step({
    id,
    title,
    seconds,
    needs,
    inputs: [`${folder}/go.mod`, `${folder}/go.sum`],
    options: () => ({ programs, flags, tags, cgo, ldflags: ldflags?.('VERSION') ?? [] }),
    produces: (ctx) => Object.keys(programs).map((name) => file(componentProgram(ctx, id, name))),
    async run(ctx) {
      const pin = await readPin(ctx.paths.inRoot(folder));
      await goBuild(ctx, {
        pin,
        folder: path.join(ctx.paths.build, id),
        programs,
        flags,
        tags,
        cgo,
        ldflags: ldflags?.(pinnedVersion(pin, module)) ?? [],
      });
    },
  });
}

/** Where a component's program lies after its step. */
export function componentProgram(ctx: Pick<Context, 'paths'>, id: string, name: string): string {
  return path.join(ctx.paths.build, id, name);
}
