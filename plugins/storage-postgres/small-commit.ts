import { crc32 } from 'node:zlib';
import type { CommitBlock } from '../../src/contracts/index.js';
import type { Place } from './block-rows.js';
import type { Tables } from './schema.js';
import { type Value, valuesOf } from './state-rows.js';
import type { Beside } from './writer.js';

/** Most bytes of blocks, and of what they change, that go into one statement; more are copied in a transaction. */
const MOST_BYTES = 512 * 1024;
const MOST_VALUES = 1024;

/** Blocks with what they change as a part of one statement; `null` when they are too many, or too large. */
export function smallCommit(tables: Tables, place: Place, blocks: readonly CommitBlock[]): Beside | null {
  const values = valuesOf(blocks);
  const bytes =
    sum(blocks, ({ frame }) => frame.bytes.byteLength) + sum(values, ({ value }) => value?.byteLength ?? 0);
  if (bytes > MOST_BYTES || values.length > MOST_VALUES) return null;
  const frames = framesBeside(tables, place, blocks);
  if (values.length === 0) return frames;
  const changes = changesBeside(tables, place, values);
  return {
    parts: (first) => [...frames.parts(first), ...changes.parts(first + frames.values.length)],
    values: [...frames.values, ...changes.values],
  };
}

function framesBeside(
  { blocks: table }: Tables,
  { store, gen, version }: Place,
  blocks: readonly CommitBlock[],
): Beside {
  const frames = blocks.map(({ frame }) => frame);
  let end = 1;
  return {
    parts: (first) => {
      const [all, ...lists] = Array.from({ length: 11 }, (_, at) => `$${first + at}`);
      const types = ['bigint', 'text', 'text', 'float8', 'text', 'bigint', 'int', 'bigint', 'int', 'int'];
      const added = `added as (
        insert into ${table} (store, gen, born, height, hash, prev, ts, codec, doc_bytes, size, crc, bytes)
        select ${store}, ${gen}, ${version}, u.height, u.hash, u.prev, u.ts, u.codec, u.doc_bytes, u.size, u.crc,
          substring(${all}::bytea from u.at for u.len)
        from fenced, unnest(${lists.map((name, at) => `${name}::${types[at]}[]`).join(', ')})
          as u(height, hash, prev, ts, codec, doc_bytes, size, crc, at, len))`;
      return [added];
    },
    values: [
      Buffer.concat(frames.map(({ bytes }) => bytes)),
      frames.map(({ header }) => header.height),
      frames.map(({ header }) => header.hash),
      frames.map(({ header }) => header.previousHash),
      frames.map(({ header }) => header.timestamp),
      frames.map(({ codec }) => codec),
      frames.map(({ documentBytes }) => documentBytes),
      frames.map(({ bytes }) => bytes.byteLength),
      frames.map(({ bytes }) => crc32(bytes)),
      frames.map(({ bytes }) => (end += bytes.byteLength) - bytes.byteLength),
      frames.map(({ bytes }) => bytes.byteLength),
    ],
  };
}

function changesBeside({ state }: Tables, { store, gen, version }: Place, values: readonly Value[]): Beside {
  return {
    parts: (first) => [
      `changed as (
      insert into ${state} (store, gen, born, tbl, key, height, value)
      select ${store}, ${gen}, ${version}, u.* from fenced,
        unnest($${first}::text[], $${first + 1}::bytea[], $${first + 2}::bigint[], $${first + 3}::bytea[]) u)`,
    ],
    values: [
      values.map(({ table }) => table),
      values.map(({ key }) => Buffer.from(key)),
      values.map(({ height }) => height),
      values.map(({ value }) => (value === null ? null : Buffer.from(value))),
    ],
  };
}

function sum<T>(items: readonly T[], count: (item: T) => number): number {
  return items.reduce((all, item) => all + count(item), 0);
}
