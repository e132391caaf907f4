import type { CopyColumns } from './copy.js';
import type { Moment } from './store-row.js';
import type { Run } from './database.js';

/** Most bytes of a value; what is larger goes on in rows of its own. */
export const PART_BYTES = 1024 * 1024;

/** A row of a part. */
export interface PartRow {
  readonly height: number;
  readonly part: number;
  readonly bytes: Uint8Array;
}

const COLUMNS = {
  store: 'int4',
  gen: 'int4',
  height: 'int8',
  born: 'int8',
  part: 'int4',
  bytes: 'bytes',
} as const satisfies CopyColumns;

/** Inserts rows of parts. */
export async function insertPieces(
  run: Run,
  table: string,
  { store, gen, version }: Pick<Moment, 'store' | 'gen' | 'version'>,
  rows: readonly PartRow[],
): Promise<void> {
  if (rows.length === 0) return;
  await run.into(
    table,
    COLUMNS,
    rows.map(({ height, part, bytes }) => [store, gen, height, version, part, bytes]),
  );
}
