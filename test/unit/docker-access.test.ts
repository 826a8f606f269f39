import path from 'node:path';
import { expect, test } from 'vitest';
import { wrapperScript } from '../../scripts/lib/docker-access.js';
import { put, realRunner, temporaryFolder } from '../support/context.js';

test('the script that runs docker with its group hands every word on as it is', async () => {
  const folder = temporaryFolder();
  // What sg(1) does: sh -c LINE, as a member of the group.
  await put(path.join(folder, 'sg'), '#!/bin/sh\n[ "$1 $2" = "docker -c" ] && exec sh -c "$3"\n');
  const script = await put(path.join(folder, 'docker'), wrapperScript('/usr/bin/printf'));
  const { stdout } = await realRunner().run('sh', [
    '-c',
    `chmod +x ${folder}/sg && PATH=${folder}:$PATH bash ${script} "$@"`,
    'sh',
    '[%s]\n',
    "a'b",
    'two\nlines',
    '$(id) "q" \\n $HOME',
    '',
    '*',
  ]);
  expect(stdout).toBe('[a\'b]\n[two\nlines]\n[$(id) "q" \\n $HOME]\n[]\n[*]');
});
