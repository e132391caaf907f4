import type { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { once } from 'node:events';
import { gzipSync } from 'node:zlib';

/** A body, of which a piece may be there many times. */
export interface Body {
  readonly start: string | Uint8Array;
  readonly again?: string | Uint8Array;
  readonly times?: number;
  readonly end?: string | Uint8Array;
}

const MIB = 1024 * 1024;

/** A piece that is there as often as makes so many bytes; short ones are gathered. */
export function repeated(piece: string, bytes: number): Required<Pick<Body, 'again' | 'times'>> {
  const again = Buffer.from(piece.repeat(Math.max(1, Math.floor(MIB / piece.length))));
  return { again, times: Math.ceil(bytes / again.length) };
}

/** The pieces of a body as they are sent; gzip'ed each is a member of its own. */
export function* piecesOf({ start, again, times = 1, end }: Body, isGzip: boolean): Generator<Uint8Array> {
  const made = (piece: string | Uint8Array): Uint8Array => {
    const bytes = Buffer.from(piece);
    return isGzip ? gzipSync(bytes, { level: 6 }) : bytes;
  };
  if (start.length > 0) yield made(start);
  if (again !== undefined) {
    const piece = made(again);
    for (let count = 0; count < times; count++) yield piece;
  }
  if (end !== undefined) yield made(end);
}

/** Writes pieces as fast as they are taken, until the other side has gone. @returns the bytes written */
export async function send(to: Writable, pieces: Iterable<Uint8Array>): Promise<number> {
  let bytes = 0;
  const gone = finished(to).catch(() => undefined);
  for (const piece of pieces) {
    if (to.destroyed) break;
    bytes += piece.length;
    if (!to.write(piece)) await Promise.race([once(to, 'drain').catch(() => undefined), gone]);
  }
  if (!to.destroyed) to.end();
  return bytes;
}
