import { describe, expect, test } from 'vitest';
import { reachSettings, readReachSettings } from '../../../scripts/lib/host/apt-settings.js';
import { fakeRunner } from '../../support/fake-runner.js';

describe('how apt reaches its mirrors', () => {
  test.each([
    'Acquire::http::Proxy "http://name:secret@proxy.example:3128";',
    'Acquire::http::Proxy::mirror.example "DIRECT";',
    'Acquire::https::CaInfo "/etc/ssl/company.pem";',
    'Acquire::Retries "3";',
    'Acquire::ForceIPv4 "true";',
    'Acquire::Check-Valid-Until "false";',
  ])('is said by %s', (line) => {
    expect(reachSettings(`Acquire "";\n${line}\nDir "/";\n`)).toEqual([line]);
  });

  test.each([
    'Acquire "";',
    'Acquire::http "";',
    'Acquire::IndexTargets::deb::Packages::Optional "0";',
    'Acquire::Languages "en";',
    'Dir::Etc "etc/apt";',
  ])('is not said by %s', (line) => {
    expect(reachSettings(line)).toEqual([]);
  });

  test('settings that have no value are left out', () => {
    expect(reachSettings('Acquire::http::Proxy "";\nAcquire::Retries "3";')).toEqual(['Acquire::Retries "3";']);
  });

  test('gets into no log: it may hold a password', async () => {
    const runner = fakeRunner({ 'apt-config dump Acquire': 'Acquire::http::Proxy "http://name:secret@proxy.example:3128";' });
    expect(await readReachSettings({ runner })).toHaveLength(1);
    expect(runner.calls[0]?.options).toMatchObject({ log: undefined, onLine: undefined });
    expect(Object.keys(runner.calls[0]?.options ?? {})).toEqual(expect.arrayContaining(['log', 'onLine']));
  });
});
