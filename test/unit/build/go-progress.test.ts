import { describe, expect, test, vi } from 'vitest';
import { BuildProgress, isPackage } from '../../../scripts/lib/build/go-progress.js';
import { testContext } from '../../support/context.js';
import { gate } from '../../support/steps.js';

const packages = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, index) => `a.org/p${from + index}`);

/** A build that compiles packages: what it told, and how often it asked for them. It goes on until the test says so. */
function building({ all = packages(0, 100), stale, programs = 1 }: { all?: string[]; stale: () => Promise<string[]>; programs?: number }) {
  const ctx = testContext();
  const told: Array<{ fraction: number; detail: string | undefined }> = [];
  const asking = vi.fn(async () => ({ all, stale: await stale() }));
  const progress = new BuildProgress((fraction, detail) => told.push({ fraction, detail }), programs, asking);
  const end = gate();
  // Time stands still, unless the test lets it pass.
  const soon = gate();
  ctx.clock.whileAsleep = () => soon.opened;
  let line = (_: string): void => undefined;
  const done = progress.during(ctx.clock, (onEachLine) => {
    line = onEachLine;
    return end.opened;
  });
  const finish = async (): Promise<void> => {
    end.open();
    soon.open();
    await done;
  };
  return {
    told,
    asking,
    line: (text: string) => line(text),
    compile: (names: readonly string[]) => {
      for (const name of names) line(name);
    },
    soon,
    finish,
  };
}

describe('the progress of a Go build', () => {
  test('counts the packages that are there: those in the build cache, and those that have been compiled since', async () => {
    const { told, asking, compile, finish } = building({ stale: async () => packages(38, 100) });
    compile(packages(20, 50));
    expect(told).toEqual([]);
    await vi.waitFor(() => expect(told).toHaveLength(1));
    // Twenty had begun when it was asked, two of which were still being compiled, and ten since.
    expect(told[0]).toMatchObject({ detail: '50 of 100 packages' });
    compile(packages(50, 80));
    expect(told.at(-1)).toMatchObject({ detail: '80 of 100 packages' });
    expect(told.at(-1)?.fraction).toBeGreaterThan(0.7);
    expect(told.at(-1)?.fraction).toBeLessThan(0.8);
    expect(asking).toHaveBeenCalledOnce();
    await finish();
  });

  test('is not at its end while programs are linked', async () => {
    const { told, compile, finish } = building({ all: packages(0, 50), stale: async () => packages(0, 50), programs: 7 });
    compile(packages(0, 20));
    await vi.waitFor(() => expect(told).toHaveLength(1));
    compile(packages(20, 50));
    expect(told.at(-1)).toMatchObject({ detail: '50 packages, linking' });
    expect(told.at(-1)?.fraction).toBeLessThan(0.5);
    await finish();
  });

  test('is asked for after a while where nothing is compiled: all of it is there', async () => {
    const { told, asking, soon, finish } = building({ stale: async () => [] });
    expect(asking).not.toHaveBeenCalled();
    soon.open();
    await vi.waitFor(() => expect(told).toMatchObject([{ detail: '100 packages, linking' }]));
    await finish();
  });

  test('costs nothing where little is compiled, and quickly', async () => {
    const { told, asking, compile, finish } = building({ stale: async () => [] });
    compile([...packages(0, 19), ...packages(0, 19), '# a.org/p1', 'p1/x.go:1:2: undefined: y']);
    await finish();
    await new Promise((resolve) => setImmediate(resolve));
    expect(asking).not.toHaveBeenCalled();
    expect(told).toEqual([]);
  });

  test('is not told where Go does not say what there is, and the build goes on', async () => {
    const asked = gate();
    const { told, compile, finish } = building({
      stale: async () => {
        asked.open();
        throw new Error('go list failed');
      },
    });
    compile(packages(0, 30));
    await asked.opened;
    compile(packages(30, 40));
    expect(told).toEqual([]);
    await finish();
  });

  test('counts the modules that are fetched before, and asks for nothing meanwhile', async () => {
    const { told, asking, line, soon, finish } = building({ stale: async () => [] });
    line('go: downloading k8s.io/api v0.32.2');
    line('go: downloading k8s.io/client-go v0.32.2');
    soon.open();
    await new Promise((resolve) => setImmediate(resolve));
    await finish();
    expect(told).toEqual([
      { fraction: 0, detail: 'fetching modules' },
      { fraction: 0, detail: '2 modules fetched' },
    ]);
    expect(asking).not.toHaveBeenCalled();
  });
});

test.each([
  ['fmt', true],
  ['k8s.io/kubernetes/pkg/apis/core/v1', true],
  ['vendor/golang.org/x/net/http2/hpack', true],
  ['gopkg.in/yaml.v3', true],
  ['go: downloading k8s.io/api v0.32.2', false],
  ['# k8s.io/api/core/v1', false],
  ['pkg/a.go:12:3: undefined: x', false],
  ['pkg/a.go:12:3:', false],
  ['', false],
])('%j is a package: %s', (line, is) => {
  expect(isPackage(line)).toBe(is);
});
