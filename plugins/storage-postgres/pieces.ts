import type { Moment } from './store-row.js';
import type { Run } from './database.js';

/** Most bytes of a value; what is larger goes on in rows of its own. */
export const PART_BYTES = 1024 * 1024;

/** What one statement inserts at most. */
export const INSERT_BYTES = 4 * 1024 * 1024;
export const INSERT_ROWS = 1024;

/** A row of a part. */
export interface PartRow {
  readonly height: number;
  readonly part: number;
  readonly bytes: Uint8Array;
}

/** Divides what is to be inserted into as much as one statement takes. */
export function* chunksOf<T>(items: readonly T[], bytesOf: (item: T) => number): Generator<readonly T[]> {
  let chunk: T[] = [];
  let bytes = 0;
  for (const item of items) {
    if (chunk.length >= INSERT_ROWS || (chunk.length > 0 && bytes >= INSERT_BYTES)) {
      yield chunk;
      chunk = [];
      bytes = 0;
    }
    chunk.push(item);
    bytes += bytesOf(item);
  }
  if (chunk.length > 0) yield chunk;
}

/** Inserts rows of parts; those that are there already stay. */
export async function insertPieces(
  run: Run,
  table: string,
  { store, gen, version }: Pick<Moment, 'store' | 'gen' | 'version'>,
  rows: readonly PartRow[],
): Promise<void> {
  const sql = `insert into ${table} (store, gen, born, height, part, bytes)
    select $1, $2, $3, u.height, u.part, substring($4::bytea from u.at for u.len)
    from unnest($5::bigint[], $6::int[], $7::int[], $8::int[]) as u(height, part, at, len)
    on conflict do nothing`;
  for (const chunk of chunksOf(rows, ({ bytes }) => bytes.byteLength)) {
    let end = 1;
    await run(sql, [
      store,
      gen,
      version,
      Buffer.concat(chunk.map(({ bytes }) => bytes)),
      chunk.map(({ height }) => height),
      chunk.map(({ part }) => part),
      chunk.map(({ bytes }) => (end += bytes.byteLength) - bytes.byteLength),
      chunk.map(({ bytes }) => bytes.byteLength),
    ]);
  }
}
