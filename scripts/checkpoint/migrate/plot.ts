import { durationsOf, type Stage, type Timeline } from './timeline.js';

/** A migration to be drawn. */
export interface Drawn {
  readonly title: string;
  readonly timeline: Timeline;
}

const WIDTH = 960;
const LEFT = 20;
const RIGHT = 20;
const ROW = 132;
const BAR = { top: 44, height: 26 };
/** Colours that can be told apart by those who do not see red or green (Okabe and Ito): what takes up to each stage. */
const COLOURS: Readonly<Record<Stage, string>> = {
  prepared: '#009e73',
  frozen: '#56b4e9',
  dumped: '#d55e00',
  'handed over': '#e69f00',
  restored: '#cc79a7',
  'source removed': '#999999',
};

/** Draws the timelines of migrations as an SVG picture: above the whole, below the time in which the processes stood still, at its own scale. */
export function plotMigrations(drawn: readonly Drawn[]): string {
  const height = 20 + drawn.length * ROW;
  const rows = drawn.map(({ title, timeline }, index) => drawOne(title, timeline, 10 + index * ROW));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    ...rows,
    '</svg>',
    '',
  ].join('\n');
}

interface Piece {
  readonly stage: Stage;
  readonly fromMs: number;
  readonly toMs: number;
}

function drawOne(title: string, timeline: Timeline, top: number): string {
  const pieces = durationsOf(timeline).map(({ stage, atMs, tookMs }): Piece => ({ stage, fromMs: atMs - tookMs, toMs: atMs }));
  const still = pieces.filter(({ stage }) => stage === 'dumped' || stage === 'handed over' || stage === 'restored');
  const downtime = timeline.downtimeMs === undefined ? '' : `, stood still for ${format(timeline.downtimeMs)}`;
  return [
    `<text x="${LEFT}" y="${top + 16}" font-size="14" font-weight="bold">${asText(title)}${downtime}</text>`,
    drawBar(pieces, top + BAR.top - 14),
    still.length === 0 ? '' : drawBar(still, top + BAR.top + BAR.height + 12),
  ].join('\n');
}

function drawBar(pieces: readonly Piece[], top: number): string {
  const from = pieces[0]?.fromMs ?? 0;
  const span = Math.max(1, (pieces.at(-1)?.toMs ?? 0) - from);
  const scale = (ms: number): number => LEFT + ((ms - from) / span) * (WIDTH - LEFT - RIGHT);
  return pieces
    .map(({ stage, fromMs, toMs }) => {
      const [x, width] = [scale(fromMs), scale(toMs) - scale(fromMs)];
      const label = `${stage} ${format(toMs - fromMs)}`;
      const box = `<rect x="${x.toFixed(1)}" y="${top}" width="${Math.max(0, width).toFixed(1)}" height="${BAR.height}" fill="${COLOURS[stage]}"><title>${label}</title></rect>`;
      // Where there is room; else it shows when one points at it.
      return width < label.length * 6.5 ? box : `${box}<text x="${(x + 5).toFixed(1)}" y="${top + 17}" fill="#ffffff">${label}</text>`;
    })
    .join('\n');
}

/** A duration for people. */
export function format(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(2)} s`;
}

const asText = (text: string): string => text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
