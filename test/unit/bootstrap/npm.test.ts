import { describe, expect, test } from 'vitest';
import { npmFailed, npmMissing } from '../../../scripts/bootstrap/npm.mjs';

describe('npm', () => {
  test('that is missing is installed from apt beside apt’s Node, and looked for beside another', () => {
    expect(npmMissing('/usr/bin/node')).toContain('sudo apt-get install --yes npm');
    expect(npmMissing('/opt/node/bin/node')).toContain('beside /opt/node/bin/node');
  });

  test.each([
    ['npm error code ENOTFOUND\nnpm error network request to https://r.example failed', 'The registry cannot be reached'],
    ['npm ERR! code EAI_AGAIN', 'The registry cannot be reached'],
    ['npm error code EACCES\nnpm error path /home/me/kit/node_modules', 'sudo chown -R "$(id -u):$(id -g)" \'/home/me/a kit/\''],
    ['npm error code EACCES\nnpm error Your cache folder contains root-owned files, due to a bug', '~/.npm'],
    ['npm error code E403', 'The registry refuses'],
    ['npm error 407 Proxy Authentication Required', 'The proxy refuses'],
    ['npm error code SELF_SIGNED_CERT_IN_CHAIN', 'NODE_EXTRA_CA_CERTS'],
    ['npm error code EINTEGRITY', 'another package than the pinned one'],
    ['npm error code ENOSPC', 'The disk is full'],
    ['npm error code EUSAGE', 'package-lock.json do not fit'],
    ['npm error something new', "Check the network and npm's registry setting"],
  ])('that fails with %j says what to do', (output, hint) => {
    const message = npmFailed({ root: '/home/me/a kit/', ended: 'exit code 1', output });
    expect(message).toContain("cd '/home/me/a kit/' && npm ci → exit code 1");
    expect(message).toContain(hint);
  });
});
