/** A chart of horizontal bars. */
export interface Chart {
  readonly title: string;
  /** Stands after each value; may be empty. */
  readonly unit: string;
  readonly bars: readonly Bar[];
}

/** One bar. */
export interface Bar {
  readonly label: string;
  /** Not negative. */
  readonly value: number;
  /** Whether it is this project's, which has the stronger colour. */
  readonly ours: boolean;
}

const WIDTH = 860;
const LABELS = 380;
const VALUES = 110;
const ROW = 26;
const BAR = 18;
const TOP = 44;

/** Draws a chart as an SVG document (SVG 1.1) that reads on light and on dark pages. */
export function barChart({ title, unit, bars }: Chart): string {
  const most = Math.max(...bars.map(({ value }) => value), Number.MIN_VALUE);
  const height = TOP + bars.length * ROW + 10;
  const rows = bars.flatMap((bar, index) => drawn(bar, TOP + index * ROW, most, unit));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img" font-family="sans-serif" font-size="13">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    `<text x="10" y="26" font-size="16" fill="#1f2328">${escaped(title)}</text>`,
    ...rows,
    '</svg>',
    '',
  ].join('\n');
}

function drawn({ label, value, ours }: Bar, y: number, most: number, unit: string): readonly string[] {
  const length = ((WIDTH - LABELS - VALUES) * value) / most;
  const middle = y + BAR - 5;
  return [
    `<text x="${LABELS - 8}" y="${middle}" text-anchor="end" fill="#1f2328">${escaped(label)}</text>`,
    `<rect x="${LABELS}" y="${y}" width="${length.toFixed(1)}" height="${BAR}" fill="${ours ? '#0969da' : '#8c959f'}"/>`,
    `<text x="${(LABELS + length + 6).toFixed(1)}" y="${middle}" fill="#1f2328">${shown(value)}${unit === '' ? '' : ` ${escaped(unit)}`}</text>`,
  ];
}

function shown(value: number): string {
  return value < 9.95 ? value.toFixed(1) : Math.round(value).toLocaleString('en');
}

function escaped(of: string): string {
  return of
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
