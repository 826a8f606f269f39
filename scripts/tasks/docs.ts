import { readFile } from 'node:fs/promises';
import { type CommandGroup, commandsPage } from '../lib/cli/commands-page.js';
import { type Task, task } from '../lib/cli/task.js';
import { writeAtomically } from '../lib/core/files.js';
import bench from './bench.js';
import checkpoint from './checkpoint.js';
import clean from './clean.js';
import clusterDown from './cluster-down.js';
import clusterLogs from './cluster-logs.js';
import clusterStatus from './cluster-status.js';
import clusterUp from './cluster-up.js';
import doctor from './doctor.js';
import e2eApi from './e2e-api.js';
import e2eCheckpoint from './e2e-checkpoint.js';
import e2eDocker from './e2e-docker.js';
import e2eRestore from './e2e-restore.js';
import forkBump from './fork-bump.js';
import forkCheck from './fork-check.js';
import forkEdit from './fork-edit.js';
import forkExport from './fork-export.js';
import forkTest from './fork-test.js';
import imageLoad from './image-load.js';
import kind from './kind.js';
import kubectl from './kubectl.js';
import kubernetesPush from './kubernetes-push.js';
import matrix from './matrix.js';
import migrate from './migrate.js';
import restore from './restore.js';
import setup from './setup.js';
import test from './test.js';
import testBoxes from './test-boxes.js';

const OPENING = `
<!-- Written by \`npm run docs\` from scripts/tasks: change the tasks, not this page. -->

# Commands

\`npm run\` lists them; \`npm run NAME -- --help\` describes one. Mind the \`--\`: npm keeps flags that stand before it for itself.

Every command but \`kind\` and \`kubectl\` also knows \`--help\` and \`--json\` (the result as JSON on standard output; messages go to standard error). npm prints lines of its own first; \`npm run --silent NAME -- --json\` leaves the JSON alone.

| exit code | |
|---|---|
| 0 | done |
| 1 | it failed; or the answer is no, where a command below says so |
| 2 | wrong flags, or a wrong file |
| 130 | stopped by Ctrl-C (143 by SIGTERM, 129 by SIGHUP) |

On a terminal, work shows as a live list: how far each step is, how far the whole, and how long it may still take – by the times of your last run, or those of ours. Elsewhere, and when \`CI\` is set, there are lines with the time of day, and one a minute for what is at work. \`NO_COLOR\` turns colours off. The whole output of every command is kept in \`.cache/logs\`, for the last 20 runs. The environment variables are in [configuration.md](configuration.md#environment-variables).
`;

const docs = task({
  name: 'docs',
  summary: 'Writes docs/commands.md anew, from what the commands say about themselves.',
  manual: ['A unit test fails while the page is not what this would write.'],
  flags: {},
  async run({ ctx, print, printJson }) {
    const file = ctx.paths.inRoot('docs', 'commands.md');
    const before = await readFile(file, 'utf8').catch(() => '');
    const page = renderCommands();
    if (page !== before) await writeAtomically(file, page);
    print(page === before ? `${file} is as it should be` : `written: ${file}`);
    printJson({ file, changed: page !== before });
    return undefined;
  },
});

export default docs;

/** All commands, in the order in which one meets them. */
const groups = [
  { title: 'First', tasks: [e2eCheckpoint, doctor, setup] },
  { title: 'The cluster', tasks: [clusterUp, clusterStatus, kubectl, imageLoad, clusterLogs, clusterDown, kind] },
  { title: 'Checkpoints', tasks: [checkpoint, restore, migrate, e2eApi, e2eRestore, e2eDocker] },
  { title: 'The forks', tasks: [forkEdit, kubernetesPush, forkExport, forkCheck, forkTest, forkBump] },
  { title: 'Tests and measurements', tasks: [test, testBoxes, bench, matrix, docs] },
  { title: 'Cleaning up', tasks: [clean] },
] as unknown as readonly CommandGroup[];

/** The names of all commands on the page. */
export const documented: readonly string[] = groups.flatMap(({ tasks }) => tasks.map(({ name }: Task) => name));

/** What docs/commands.md should hold. */
export function renderCommands(): string {
  return commandsPage(OPENING, groups);
}
