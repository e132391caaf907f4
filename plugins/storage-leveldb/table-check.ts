import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { SyncError } from '../../src/errors/index.js';
import { throwIfAborted } from '../../src/internal/abort.js';
import { crc32Of } from '../../src/internal/crc32.js';

/** CRC-32C, as LevelDB has it; Node's own `crc32` has another polynomial. */
const crc32c = crc32Of(0x82f63b78);

/** Tables of up to this many bytes in all are checked at every start: about half a second. */
const ALWAYS_BYTES = 256 * 1024 * 1024;

/** Sizes and constants of LevelDB's table format (doc/table_format.md, table/format.h). */
const FOOTER_BYTES = 48;
const MAGIC = 0xdb4775248b80fb57n;
const TRAILER_BYTES = 5;
const MASK_DELTA = 0xa282ead8;

interface Handle {
  readonly offset: number;
  readonly size: number;
}

/**
 * The table files that should be checked, taken before LevelDB opens: those it makes later are not complete at once.
 *
 * @param leftOpen - whether the last run did not close the store.
 */
export async function tablesToCheck(path: string, leftOpen: boolean): Promise<readonly string[]> {
  const names = await readdir(path).catch(() => []);
  const tables = names.filter((name) => /\.(?:ldb|sst)$/.test(name)).map((name) => join(path, name));
  const sizes = await Promise.all(tables.map(async (table) => (await stat(table)).size));
  const total = sizes.reduce((sum, size) => sum + size, 0);
  return leftOpen || total <= ALWAYS_BYTES ? tables : [];
}

/**
 * Checks the checksum of every block of some table files.
 *
 * LevelDB does not, and where a key in a block is damaged it ends the whole process by an assertion. So a large store
 * is checked when the last run did not end well; a small one always.
 *
 * @throws SyncError `STORE_DAMAGED` naming the file
 */
export async function checkTables(tables: readonly string[], signal?: AbortSignal): Promise<void> {
  for (const table of tables) {
    throwIfAborted(signal);
    const bytes = await readFile(table).catch(gone);
    if (bytes !== null) checkTable(bytes, basename(table));
    await setImmediate();
  }
}

/** What LevelDB removed since the list was made was not needed. */
function gone(error: unknown): null {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
  throw error;
}

function checkTable(bytes: Buffer, name: string): void {
  try {
    const footer = bytes.subarray(Math.max(0, bytes.length - FOOTER_BYTES));
    if (footer.length < FOOTER_BYTES || footer.readBigUInt64LE(FOOTER_BYTES - 8) !== MAGIC)
      throw bad('footer');
    const cursor = { at: 0 };
    const metaIndex = readHandle(footer, cursor);
    const index = readHandle(footer, cursor);
    for (const block of [metaIndex, index])
      for (const handle of handlesIn(checkedBlock(bytes, block))) checkedBlock(bytes, handle);
  } catch (error) {
    const message = `The table file ${name} of the store is damaged: ${(error as Error).message}`;
    throw new SyncError('STORE_DAMAGED', message, { cause: error });
  }
}

/** A block whose checksum is right: its bytes, a type byte, and the masked CRC-32C of both. */
function checkedBlock(bytes: Buffer, { offset, size }: Handle): Buffer {
  const end = offset + size;
  if (end + TRAILER_BYTES > bytes.length) throw bad(`block at ${offset}`);
  const masked = bytes.readUInt32LE(end + 1);
  const rotated = (masked - MASK_DELTA) >>> 0;
  const stored = ((rotated >>> 17) | (rotated << 15)) >>> 0;
  if (crc32c(bytes, offset, end + 1) !== stored) throw bad(`block at ${offset}`);
  return bytes.subarray(offset, end);
}

/** The handles that the entries of an index block have as values. */
function handlesIn(block: Buffer): readonly Handle[] {
  const restarts = block.readUInt32LE(block.length - 4);
  const end = block.length - 4 - 4 * restarts;
  const handles: Handle[] = [];
  const cursor = { at: 0 };
  while (cursor.at < end) {
    readVarint(block, cursor);
    const unshared = readVarint(block, cursor);
    const length = readVarint(block, cursor);
    cursor.at += unshared;
    const next = cursor.at + length;
    handles.push(readHandle(block, cursor));
    cursor.at = next;
  }
  return handles;
}

function readHandle(bytes: Buffer, cursor: { at: number }): Handle {
  const offset = readVarint(bytes, cursor);
  return { offset, size: readVarint(bytes, cursor) };
}

function readVarint(bytes: Buffer, cursor: { at: number }): number {
  let value = 0;
  for (let scale = 1; ; scale *= 128) {
    const byte = bytes.readUInt8(cursor.at++);
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return value;
    if (scale > 2 ** 42) throw bad('length');
  }
}

const bad = (what: string): Error => new Error(`its ${what} is wrong.`);
