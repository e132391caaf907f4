import { crc32 } from 'node:zlib';
import {
  type BlockRef,
  type ChainIdentity,
  type Checkpoint,
  type CommitBlock,
  type Frame,
  type StateChange,
  type StoreTable,
  SyncError,
} from 'blockferry';
import { changed, emptyMoment, type Moment, undoOf, without } from './contents.js';
import type { Journal } from './journal.js';

/** Values are base64: they are bytes. */
type ChangeTuple = readonly [table: StoreTable, key: string, value: string | null];

interface BlockRecord {
  readonly header: Frame['header'];
  readonly codec: string;
  readonly documentBytes: number;
  readonly length: number;
  readonly crc: number;
  readonly changes: readonly ChangeTuple[];
}

/** What a record of the journal says: what the store is after it, and how it came to that. */
export type Said =
  | { readonly kind: 'cursor'; readonly consumer: string; readonly ref: BlockRef }
  | {
      readonly kind: 'write';
      readonly checkpoint: Checkpoint;
      readonly identity: ChainIdentity | null;
      /** Blocks above this height go first; `null` for none. */
      readonly above: number | null;
      readonly blocks: readonly BlockRecord[];
      /** Entries of new contents, which no block made. */
      readonly entries: readonly ChangeTuple[];
    };

export type Write = Extract<Said, { readonly kind: 'write' }>;

const tupleOf = ({ table, key, value }: StateChange): ChangeTuple => [
  table,
  key,
  value === null ? null : Buffer.from(value).toString('base64'),
];

const changeOf = ([table, key, value]: ChangeTuple): StateChange => {
  return { table, key, value: value === null ? null : Buffer.from(value, 'base64') };
};

export const tuplesOf = (changes: readonly StateChange[]): readonly ChangeTuple[] => changes.map(tupleOf);

/** What is said of blocks that are added. */
export function blocksSaid(blocks: readonly CommitBlock[]): readonly BlockRecord[] {
  return blocks.map(({ frame: { header, codec, documentBytes, bytes }, changes }) => {
    const { height, hash, previousHash, timestamp } = header;
    return {
      header: { height, hash, previousHash, timestamp },
      ...{ codec, documentBytes, length: bytes.length, crc: crc32(bytes) },
      changes: tuplesOf(changes),
    };
  });
}

/** The moment after a write whose record has its bytes at an offset. */
export function after(
  moment: Moment,
  { checkpoint, identity, above, ...said }: Write,
  bytesAt: number,
): Moment {
  const kept = above === null ? moment : { ...moment, ...without(moment, above) };
  const changes = said.blocks.map((block) => block.changes.map(changeOf));
  let offset = bytesAt;
  const blocks = said.blocks.map(({ header, codec, documentBytes, length, crc }) => {
    const place = { offset, length };
    offset += length;
    return { header, codec, documentBytes, place, crc };
  });
  const entries = changed(kept.tables, said.entries.map(changeOf));
  return {
    journal: moment.journal,
    checkpoint,
    identity,
    blocks: [...kept.blocks, ...blocks],
    undo: [...kept.undo, ...undoOf(entries, changes)],
    tables: changed(entries, changes.flat()),
  };
}

/** What a journal comes to, and the positions of consumers. @throws SyncError `STORE_DAMAGED` */
export async function replayed(
  journal: Journal,
  signal: AbortSignal | undefined,
): Promise<{ readonly moment: Moment; readonly cursors: Map<string, BlockRef> }> {
  const cursors = new Map<string, BlockRef>();
  let moment = emptyMoment(journal);
  for await (const { text, bytesAt } of journal.replay()) {
    if (signal?.aborted === true) throw new SyncError('ABORTED', 'Opening the store was called off.');
    const said = JSON.parse(text) as Said;
    if (said.kind === 'cursor') cursors.set(said.consumer, said.ref);
    else moment = after(moment, said, bytesAt);
  }
  checkHeights(moment);
  return { moment, cursors };
}

/** That every height from base to head is there, each on the one before. */
function checkHeights({ checkpoint: { base, head }, blocks }: Moment): void {
  for (const [at, { header }] of blocks.entries()) {
    const below = blocks[at - 1]?.header.hash ?? header.previousHash;
    if (header.height === base + at && header.previousHash === below) continue;
    const height = base + at;
    throw new SyncError('STORE_DAMAGED', `Block ${height} is missing from the journal.`, { height });
  }
  const last = blocks.at(-1)?.header;
  if (last?.hash !== head?.hash)
    throw new SyncError('STORE_DAMAGED', 'The journal does not end with the head of the store.');
}
