import { BaseSequencer, type TestSpecification } from 'vitest/node';

/**
 * Begins with the tests of Docker: where `docker checkpoint` is off they restart the engine, which would stop the cluster that the
 * others leave up for each other. The rest keeps its order.
 */
export class EngineFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return engineFirst(await super.sort(files));
  }
}

/** The same files, those that may restart the engine first. */
export function engineFirst<F extends { readonly moduleId: string }>(files: readonly F[]): F[] {
  const restarts = ({ moduleId }: F): boolean => moduleId.endsWith('/test/e2e/docker.test.ts');
  return [...files.filter(restarts), ...files.filter((file) => !restarts(file))];
}
