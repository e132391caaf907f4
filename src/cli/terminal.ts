import { isSyncError } from '../errors/index.js';
import { escapedAsJson, printable } from '../errors/printable.js';
import { failureOf } from './exit.js';

/** Text for people: one line, or several. */
export type Lines = string | readonly string[];

/**
 * Prints lines of text. Whatever is in them, each is one line, bounded, and shows what it consists of: parts may come
 * from a peer, and a terminal obeys them.
 */
export function print(stream: NodeJS.WriteStream, lines: Lines): void {
  const all = typeof lines === 'string' ? [lines] : lines;
  stream.write(all.map((line) => `${printable(line)}\n`).join(''));
}

/** Prints a value as one line of JSON; what a terminal obeys is escaped, as JSON can be. */
export function printJson(stream: NodeJS.WriteStream, value: object): void {
  const text = JSON.stringify(value, (_key, member: unknown) =>
    isSyncError(member) ? failureOf(member) : member,
  );
  stream.write(`${escapedAsJson(text)}\n`);
}

/** Makes room for a line of text on a terminal; what is drawn there is drawn again below it. */
export function clearLine(stream: NodeJS.WriteStream): void {
  stream.write('\r\x1b[K');
}

/** Draws a line on a terminal in place of the one that the cursor is in, and leaves the cursor behind it. */
export function redrawLine(stream: NodeJS.WriteStream, line: string): void {
  stream.write(`\r${printable(line)}\x1b[K`);
}

/** Leaves the line that the cursor is in. */
export function endLine(stream: NodeJS.WriteStream): void {
  stream.write('\n');
}
