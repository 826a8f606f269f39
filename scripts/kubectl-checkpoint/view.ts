import type { ChangedFile, Inspection, OpenSocket, ProcessNode } from '../checkpoint/inspect.js';
import { table } from '../lib/cli/table.js';
import { formatBytes } from '../lib/core/bytes.js';
import type { Json } from '../lib/core/json.js';
import type { Made } from './checkpoint-pod.js';
import type { ListedArchive } from './list.js';

/** How each way is called in a sentence. */
const THROUGH: Readonly<Record<Made['via'], string>> = {
  api: 'the API server (pods/checkpoint)',
  'node-proxy': 'the node proxy',
  kubelet: 'the kubelet itself',
};

/** What an archive is, wherever one is handed out. */
export const secrets = 'It holds the memory of its processes, with every secret in it: keep it as you keep keys.';

/** What was checkpointed, for people. */
export function madeText({ container, via, seconds, node, archive, local }: Made): string {
  const { namespace, pod, container: name } = container;
  const first = `checkpointed container ${name} of pod ${namespace}/${pod} in ${seconds.toFixed(2)} s, through ${THROUGH[via]}`;
  const lines = [first, `archive on node ${node}: ${archive}`];
  if (local !== undefined)
    lines.push(`written to ${local.file} (${formatBytes(local.bytes)}, mode 0600, through ${local.by === 'docker' ? 'Docker' : 'a pod'})`);
  return [...lines, secrets].join('\n');
}

/** The same, for programs. */
export function madeJson({ container, via, seconds, node, archive, local }: Made): Json {
  const { namespace, pod, container: name } = container;
  return { namespace, pod, container: name, node, archive, via, seconds, local: local === undefined ? null : { ...local } };
}

/** A table of archives. */
export function listText(archives: readonly ListedArchive[]): string {
  return table(
    ['namespace', 'pod', 'container', 'time', 'size', 'node', 'archive'],
    archives.map(({ namespace, pod, container, time, bytes, node, name }) => [
      namespace ?? '?',
      pod ?? '?',
      container ?? '?',
      time ?? '?',
      formatBytes(bytes),
      node,
      name,
    ]),
  );
}

/** What is in an archive, for people. */
export function inspectionText(inspection: Inspection): string {
  const { file, bytes, content, shown, sockets, changedFiles, gaps } = inspection;
  const { statistics } = shown;
  const facts = [
    ['archive', `${file} (${formatBytes(bytes)})`],
    ['image', shown.image],
    ['pod', `${content.namespace ?? '?'}/${content.pod ?? '?'}`],
    ['container', `${content.container ?? content.name} (${content.id})`],
    ['runtime', `${shown.runtime} (${shown.engine})`],
    ['started', shown.created],
    ['checkpointed', shown.checkpointed ?? 'not noted'],
    [
      'memory',
      `${formatBytes(shown.checkpoint_size.memory_pages_size)} of ${formatBytes(shown.checkpoint_size.total_size)} of CRIU’s images`,
    ],
  ];
  const sections = [
    facts.map(([name = '', value = '']) => `${name.padEnd(13)} ${value}`).join('\n'),
    section('processes', shown.process_tree === undefined ? ['none'] : processLines(shown.process_tree)),
    section(
      'mounts',
      (shown.mounts ?? []).map(({ destination, type, source }) => `${destination}  ${type}  ${source}`),
    ),
    section('open sockets', sockets.map(socketLine)),
    section('changed in the root file system', changedFiles.map(changedLine)),
    section(
      'CRIU’s statistics',
      statistics === undefined
        ? ['not in this archive (containerd keeps them from 2.1 on)']
        : [
            `freezing ${milliseconds(statistics.freezing_time)}, frozen ${milliseconds(statistics.frozen_time)}`,
            `memory dumped in ${milliseconds(statistics.memdump_time)}, written in ${milliseconds(statistics.memwrite_time)}`,
            `pages scanned ${statistics.pages_scanned}, written ${statistics.pages_written}`,
          ],
    ),
  ];
  if (gaps.length > 0) sections.push(section('not to be shown', [...gaps]));
  return [...sections.map(harmless), secrets].join('\n\n');
}

/** What comes out of an archive must not steer the terminal. */
function harmless(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return text.replace(/[\x00-\x09\x0b-\x1f\x7f-\x9f]/g, '\ufffd');
}

/** The same, for programs. */
export function inspectionJson({ file, bytes, content, shown, sockets, changedFiles, gaps }: Inspection): Json {
  const { statistics } = shown;
  return {
    file,
    bytes,
    image: shown.image,
    namespace: content.namespace ?? null,
    pod: content.pod ?? null,
    container: content.container ?? content.name,
    id: content.id,
    runtime: shown.runtime,
    engine: shown.engine,
    started: shown.created,
    checkpointed: shown.checkpointed ?? null,
    memoryBytes: shown.checkpoint_size.memory_pages_size,
    checkpointBytes: shown.checkpoint_size.total_size,
    processes: shown.process_tree === undefined ? null : processJson(shown.process_tree),
    mounts: (shown.mounts ?? []).map((mount) => ({ ...mount })),
    sockets: sockets.map((socket) => ({ ...socket })),
    changedFiles: changedFiles.map((changed) => ({ ...changed })),
    statistics:
      statistics === undefined
        ? null
        : {
            freezingMicroseconds: statistics.freezing_time,
            frozenMicroseconds: statistics.frozen_time,
            memoryDumpMicroseconds: statistics.memdump_time,
            memoryWriteMicroseconds: statistics.memwrite_time,
            pagesScanned: statistics.pages_scanned,
            pagesWritten: statistics.pages_written,
          },
    gaps: [...gaps],
  };
}

function section(title: string, lines: readonly string[]): string {
  return [title, ...(lines.length === 0 ? ['none'] : lines).map((line) => `  ${line}`)].join('\n');
}

function processLines({ pid, command, cmdline, children = [] }: ProcessNode): string[] {
  return [`${pid} ${cmdline?.trim() || command}`, ...children.flatMap((child) => processLines(child).map((line) => `  ${line}`))];
}

function processJson({ pid, command, cmdline, children = [] }: ProcessNode): Json {
  return { pid, command, cmdline: cmdline?.trim() ?? null, children: children.map(processJson) };
}

function socketLine({ pid, protocol, state, source, destination }: OpenSocket): string {
  const ends = [source, destination].filter((end) => end !== '').join(' → ');
  return [`process ${pid}`, protocol, state, ends].filter((part) => part !== '').join('  ');
}

function changedLine({ path, change, type, bytes }: ChangedFile): string {
  if (change !== 'changed') return `${change}  ${path}`;
  return `${change}  ${path}  ${type === 'File' ? formatBytes(bytes) : type.toLowerCase()}`;
}

function milliseconds(microseconds: number): string {
  return `${(microseconds / 1000).toFixed(1)} ms`;
}
