import { once } from 'node:events';
import type { PoolClient } from 'pg';
import type { CopyStreamQuery } from 'pg-copy-streams';
import { NULL } from './copy-rows.js';

/** What is used of the package `pg-copy-streams`. */
export interface CopyModule {
  readonly from: (sql: string) => CopyStreamQuery;
}

/** What a column is, and so how it is written down. */
export type ColumnType = 'int4' | 'int8' | 'float8' | 'bool' | 'text' | 'bytes';

/** Columns of a table that rows are copied into, in order. */
export type CopyColumns = Readonly<Record<string, ColumnType>>;

/** A row that is copied: as many values as columns. */
export type CopyRow = readonly (number | string | boolean | Uint8Array | null)[];

/** Begins what is copied in binary form: no flags, and no more in the header. */
const HEADER = Buffer.from('5047434f50590aff0d0a000000000000000000', 'hex');
const END = Buffer.from('ffff', 'hex');

/** What one statement copies, and what is sent at once of it, about. */
const COPY_BYTES = 4 * 1024 * 1024;
const PIECE_BYTES = 128 * 1024;

/**
 * Copies rows into a table, some MiB in each statement, which has its time. What fails leaves a connection that can't be
 * used any more.
 */
export async function copyInto(
  client: PoolClient,
  { from }: CopyModule,
  {
    table,
    columns,
    rows,
  }: { readonly table: string; readonly columns: CopyColumns; readonly rows: Iterable<CopyRow> },
): Promise<void> {
  const sql = `copy ${table} (${Object.keys(columns).join(', ')}) from stdin (format binary)`;
  let copying: Copying | null = null;
  for (const { bytes, isLast } of piecesOf(Object.values(columns), rows)) {
    copying ??= begin(client, from(sql));
    const { stream, finished } = copying;
    if (!stream.write(bytes)) await Promise.race([once(stream, 'drain'), finished]);
    if (!isLast) continue;
    stream.end();
    await finished;
    copying = null;
  }
}

/** A statement under way. */
interface Copying {
  readonly stream: CopyStreamQuery;
  /** Rejects with the stream's error. The stream is not destroyed: its package may have no connection then to tell. */
  readonly finished: Promise<unknown>;
}

function begin(client: PoolClient, query: CopyStreamQuery): Copying {
  const stream = client.query(query);
  const finished = once(stream, 'finish');
  // Who waits for something else meanwhile is told by that.
  finished.catch(() => undefined);
  return { stream, finished };
}

/** What is sent at once. */
interface Piece {
  readonly bytes: Buffer;
  /** Whether a statement ends with it. */
  readonly isLast: boolean;
}

/** Rows as they are sent: the server takes a piece in while the next one is made. */
function* piecesOf(types: readonly ColumnType[], rows: Iterable<CopyRow>): Generator<Piece> {
  let pieces: Uint8Array[] = [];
  let bytes = 0;
  let sent = 0;
  let hasRows = false;
  for (const row of rows) {
    if (!hasRows) pieces.push(HEADER);
    hasRows = true;
    for (const piece of encodeRow(types, row)) {
      pieces.push(piece);
      bytes += piece.byteLength;
    }
    if (bytes < PIECE_BYTES) continue;
    sent += bytes;
    const isLast = sent >= COPY_BYTES;
    yield { bytes: Buffer.concat(isLast ? [...pieces, END] : pieces), isLast };
    pieces = [];
    bytes = 0;
    if (!isLast) continue;
    sent = 0;
    hasRows = false;
  }
  if (hasRows) yield { bytes: Buffer.concat([...pieces, END]), isLast: true };
}

/** Bytes are not copied here. */
function encodeRow(types: readonly ColumnType[], row: CopyRow): readonly Uint8Array[] {
  const pieces: Uint8Array[] = [];
  let fixed = Buffer.allocUnsafe(2 + types.length * 12);
  let at = fixed.writeInt16BE(types.length, 0);
  for (const [index, type] of types.entries()) {
    const value = row[index] ?? null;
    if (value instanceof Uint8Array || typeof value === 'string') {
      const bytes = typeof value === 'string' ? Buffer.from(value) : value;
      at = fixed.writeInt32BE(bytes.byteLength, at);
      pieces.push(fixed.subarray(0, at), bytes);
      fixed = fixed.subarray(at);
      at = 0;
    } else at = value === null ? fixed.writeInt32BE(NULL, at) : writeFixed(fixed, at, type, Number(value));
  }
  pieces.push(fixed.subarray(0, at));
  return pieces;
}

function writeFixed(into: Buffer, at: number, type: ColumnType, value: number): number {
  switch (type) {
    case 'int4':
      return into.writeInt32BE(value, into.writeInt32BE(4, at));
    case 'float8':
      return into.writeDoubleBE(value, into.writeInt32BE(8, at));
    case 'bool':
      return into.writeUInt8(value, into.writeInt32BE(1, at));
    default:
      return into.writeBigInt64BE(BigInt(value), into.writeInt32BE(8, at));
  }
}
