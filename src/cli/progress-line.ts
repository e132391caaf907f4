import { printable } from '../errors/printable.js';

/** What stands in front of the figures. */
const INDENT = '  ';
/** Narrower than this, the figures need the room more than the bar does. */
const WIDE_COLUMNS = 72;
const LONG_BAR = 30;
const SHORT_BAR = 10;
const DONE = '\u2588';
const LEFT = '\u2591';

/**
 * The line of a progress bar as it fits a terminal. Of the figures those that come first are kept; one that does not fit
 * by itself is cut.
 *
 * @param share - from 0 to 1; `null` while the end isn't known: figures without a bar.
 * @param columns - of the terminal, of which the last is left free: some go to the next line when it is written to.
 */
export function progressLine(share: number | null, parts: readonly string[], columns: number): string {
  const bar = share === null ? '' : `${barText(share, columns)}  `;
  const begin = INDENT + bar;
  const room = Math.max(0, columns - 1 - begin.length);
  return (begin + fitted(parts.map(printable), room)).slice(0, Math.max(0, columns - 1)).trimEnd();
}

/** Not all is done before it is, and what has begun is more than nothing. */
function barText(share: number, columns: number): string {
  const bounded = Math.min(1, Math.max(0, share));
  const size = columns >= WIDE_COLUMNS ? LONG_BAR : SHORT_BAR;
  const done = Math.floor(bounded * size);
  const percent = `${Math.floor(bounded * 100)}%`.padStart(5);
  return `${DONE.repeat(done)}${LEFT.repeat(size - done)}${percent}`;
}

function fitted(parts: readonly string[], room: number): string {
  for (let count = parts.length; count > 0; count--) {
    const text = parts.slice(0, count).join(', ');
    if (text.length <= room) return text;
  }
  const [first = ''] = parts;
  return room > 1 ? `${first.slice(0, room - 1)}…` : '';
}
