import { crc32 } from 'node:zlib';
import {
  type BlockHeader,
  type BlockRange,
  type ChainIdentity,
  type Checkpoint,
  type Frame,
  type StateChange,
  type StateEntry,
  type StoreTable,
  SyncError,
} from 'blockferry';
import type { Journal, Place } from './journal.js';

/** A block without its bytes, which stay in the file. */
export interface KeptBlock extends Omit<Frame, 'bytes'> {
  readonly place: Place;
  readonly crc: number;
}

export type Tables = Readonly<Record<StoreTable, ReadonlyMap<string, Uint8Array>>>;

/** What a store holds at one moment. Nothing of it is ever changed: a write makes the next one. */
export interface Moment {
  readonly journal: Journal;
  readonly checkpoint: Checkpoint;
  readonly identity: ChainIdentity | null;
  readonly blocks: readonly KeptBlock[];
  /** What takes back the changes of each block, in the order of `blocks`. */
  readonly undo: readonly (readonly StateChange[])[];
  readonly tables: Tables;
}

const NO_TABLES: Tables = { accounts: new Map(), contracts: new Map(), produced: new Map() };

/** A store without anything. */
export function emptyMoment(journal: Journal): Moment {
  const checkpoint = { head: null, base: 0, confirmed: null, finalized: null, assumed: null };
  return { journal, checkpoint, identity: null, blocks: [], undo: [], tables: NO_TABLES };
}

/** The block at a height. */
export function blockAt({ blocks, checkpoint }: Moment, height: number): KeptBlock | null {
  return blocks[height - checkpoint.base] ?? null;
}

/** The header at a height. */
export function headerAt(moment: Moment, height: number): BlockHeader | null {
  return blockAt(moment, height)?.header ?? null;
}

/** What is left without the blocks above a height. */
export function without(moment: Moment, above: number): Pick<Moment, 'blocks' | 'undo' | 'tables'> {
  const count = Math.max(0, above - moment.checkpoint.base + 1);
  const tables = changed(moment.tables, moment.undo.slice(count).reverse().flat());
  return { blocks: moment.blocks.slice(0, count), undo: moment.undo.slice(0, count), tables };
}

/** The tables with some changes, made in order. */
export function changed(tables: Tables, changes: readonly StateChange[]): Tables {
  if (changes.length === 0) return tables;
  const next = {
    accounts: new Map(tables.accounts),
    contracts: new Map(tables.contracts),
    produced: new Map(tables.produced),
  };
  for (const { table, key, value } of changes)
    if (value === null) next[table].delete(key);
    else next[table].set(key, value);
  return next;
}

/** What takes the changes of each block back. */
export function undoOf(
  tables: Tables,
  blocks: readonly (readonly StateChange[])[],
): readonly (readonly StateChange[])[] {
  const now = new Map<string, Uint8Array | null>();
  return blocks.map((changes) => {
    const undo: StateChange[] = [];
    for (const { table, key, value } of changes) {
      const name = `${table}/${key}`;
      const before = now.has(name) ? now.get(name) : tables[table].get(key);
      undo.unshift({ table, key, value: before ?? null });
      now.set(name, value);
    }
    return undo;
  });
}

/** The frame of a block. @throws SyncError `STORE_DAMAGED` naming its height */
export async function frameOf({ journal }: Moment, block: KeptBlock): Promise<Frame> {
  const { header, codec, documentBytes, place, crc } = block;
  const bytes = await journal.read(place);
  if (bytes.length === place.length && crc32(bytes) === crc) return { header, codec, documentBytes, bytes };
  const { height } = header;
  throw new SyncError('STORE_DAMAGED', `Block ${height} is damaged in the journal.`, { height });
}

const BATCH_BYTES = 1024 * 1024;
const BATCH_ITEMS = 1024;

/** @throws SyncError `ABORTED` */
export function checkSignal(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw new SyncError('ABORTED', 'The read was called off.');
}

/** The frames of a range, in batches; of the moment at which the first is asked for. */
export async function* framesOf(
  at: () => Moment,
  { from, to }: BlockRange,
  signal: AbortSignal | undefined,
): AsyncGenerator<readonly Frame[], void, undefined> {
  checkSignal(signal);
  const moment = at();
  const { base, head } = moment.checkpoint;
  let batch: Frame[] = [];
  let bytes = 0;
  for (let height = Math.max(from, base); height <= Math.min(to, head?.height ?? -1); height++) {
    checkSignal(signal);
    const block = blockAt(moment, height);
    if (block === null) break;
    const frame = await frameOf(moment, block);
    batch.push(frame);
    bytes += frame.bytes.length;
    if (bytes < BATCH_BYTES && batch.length < BATCH_ITEMS) continue;
    yield batch;
    batch = [];
    bytes = 0;
  }
  checkSignal(signal);
  if (batch.length > 0) yield batch;
}

/** The entries of a table in the order of the UTF-8 bytes of their keys, which differs from JavaScript's above U+FFFF. */
export async function* entriesOf(
  at: () => Moment,
  table: StoreTable,
  signal: AbortSignal | undefined,
): AsyncGenerator<readonly StateEntry[], void, undefined> {
  checkSignal(signal);
  const moment = at();
  const keys = [...moment.tables[table].keys()].map((key) => ({ key, bytes: Buffer.from(key) }));
  keys.sort((a, b) => Buffer.compare(a.bytes, b.bytes));
  for (let from = 0; from < keys.length; from += BATCH_ITEMS) {
    checkSignal(signal);
    moment.journal.check();
    yield keys.slice(from, from + BATCH_ITEMS).map(({ key }) => {
      return { key, value: moment.tables[table].get(key) ?? new Uint8Array() };
    });
    await Promise.resolve();
  }
}
