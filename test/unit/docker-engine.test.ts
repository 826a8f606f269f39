import { describe, expect, test } from 'vitest';
import { engineWorks, workingCandidate } from '../../scripts/steps/docker-engine.js';

describe('a Docker engine', () => {
  test.each([
    ['20.10.24', false],
    ['20.10.24+dfsg1', false],
    ['22.06.0-beta.0', false],
    ['23.0.0', true],
    ['26.1.5+dfsg1', true],
    ['27.5.1', true],
    ['27.5.1-1~ubuntu.24.04~noble', true],
    ['28.0.0', false],
    ['28.0.0-rc.1', false],
    ['29.1.2', false],
    ['', false],
    ['unknown', false],
  ])('of version %j works: %s', (version, works) => {
    expect(engineWorks(version)).toBe(works);
  });

  test('to install is the first that apt lists and that works', () => {
    const madison = [
      ' docker.io | 28.2.2-0ubuntu1~24.04.1 | http://mirror.example/ubuntu noble-updates/universe amd64 Packages',
      ' docker.io | 5:27.5.1-0ubuntu3 | http://mirror.example/ubuntu noble-updates/universe amd64 Packages',
      ' docker.io | 24.0.7-0ubuntu4 | http://mirror.example/ubuntu noble/universe amd64 Packages',
    ].join('\n');
    expect(workingCandidate(madison)).toBe('5:27.5.1-0ubuntu3');
    expect(
      workingCandidate(' docker.io | 20.10.24+dfsg1-1+b3 | http://mirror.example/debian bookworm/main amd64 Packages'),
    ).toBeUndefined();
    expect(workingCandidate('')).toBeUndefined();
  });
});
