import { describe, expect, test, vi } from 'vitest';
import { followBuild, isPackage } from '../../../scripts/lib/build/go-progress.js';
import { gate } from '../../support/steps.js';

const packages = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, index) => `a.org/p${from + index}`);

/** A build that compiles packages; what it told, and how often it asked which are stale. */
function building({ stale, programs = 1 }: { stale: () => Promise<readonly string[]>; programs?: number }) {
  const told: Array<{ fraction: number; detail: string | undefined }> = [];
  const asking = vi.fn(stale);
  const line = followBuild((fraction, detail) => told.push({ fraction, detail }), programs, asking);
  return { told, asking, compile: (names: readonly string[]) => names.forEach(line), line };
}

describe('the progress of a Go build', () => {
  test('counts the packages that are compiled, of those that were stale when it was asked, and those before', async () => {
    const { told, asking, compile } = building({ stale: async () => packages(18, 100) });
    compile(packages(0, 30));
    expect(told).toEqual([]);
    await vi.waitFor(() => expect(told).toHaveLength(1));
    // 20 of them had been printed when it was asked, two of which were still being compiled.
    expect(told[0]).toMatchObject({ detail: '30 of 100 packages' });
    compile(packages(30, 50));
    expect(told.at(-1)).toMatchObject({ detail: '50 of 100 packages' });
    expect(told.at(-1)?.fraction).toBeGreaterThan(0.4);
    expect(told.at(-1)?.fraction).toBeLessThan(0.5);
    expect(asking).toHaveBeenCalledOnce();
  });

  test('is not at its end while programs are linked', async () => {
    const { told, compile } = building({ stale: async () => packages(0, 50), programs: 7 });
    compile(packages(0, 20));
    await vi.waitFor(() => expect(told).toHaveLength(1));
    compile(packages(20, 50));
    expect(told.at(-1)).toMatchObject({ detail: '50 packages, linking' });
    expect(told.at(-1)?.fraction).toBeLessThan(0.5);
  });

  test('grows with packages that nobody expected', async () => {
    const { told, compile } = building({ stale: async () => packages(0, 25) });
    compile(packages(0, 20));
    await vi.waitFor(() => expect(told).toHaveLength(1));
    compile(packages(100, 110));
    expect(told.at(-1)).toMatchObject({ detail: '30 of 35 packages' });
  });

  test('costs nothing where little is compiled', () => {
    const { told, asking, compile } = building({ stale: async () => [] });
    compile([...packages(0, 19), ...packages(0, 19), '# a.org/p1', 'p1/x.go:1:2: undefined: y']);
    expect(asking).not.toHaveBeenCalled();
    expect(told).toEqual([]);
  });

  test('is not told where Go does not say what is stale, and the build goes on', async () => {
    const asked = gate();
    const { told, compile } = building({
      stale: async () => {
        asked.open();
        throw new Error('go list failed');
      },
    });
    compile(packages(0, 30));
    await asked.opened;
    compile(packages(30, 40));
    expect(told).toEqual([]);
  });

  test('counts the modules that are fetched before', () => {
    const { told, line } = building({ stale: async () => [] });
    line('go: downloading k8s.io/api v0.32.2');
    line('go: downloading k8s.io/client-go v0.32.2');
    expect(told).toEqual([
      { fraction: 0, detail: 'fetching modules' },
      { fraction: 0, detail: '2 modules fetched' },
    ]);
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
