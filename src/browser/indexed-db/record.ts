import { concatBytes, utf8Bytes } from '#platform/bytes';
import type {
  BlockHeader,
  BlockRef,
  ChainIdentity,
  CheckpointAdvance,
  CommitBatch,
  CommitBlock,
  CommitTile,
  StateChange,
  Tile,
  TileMember,
} from '../../contracts/index.js';
import { SyncError } from '../../errors/index.js';
import { TileDocuments } from '../../tiles/documents.js';

/** A write, as it is kept: a JSON document, and behind it the bytes that it speaks of. */
export type StoredWrite =
  | { readonly kind: 'commit'; readonly batch: CommitBatch }
  | { readonly kind: 'rollback'; readonly to: BlockRef | null };

/** A change of the state; its value is in the bytes. */
interface KeptChange extends Omit<StateChange, 'value'> {
  /** Length of the value; `null` for none. */
  readonly bytes: number | null;
}

interface KeptBlock {
  readonly header: BlockHeader;
  readonly codec: string;
  readonly documentBytes: number;
  /** Length of its frame; `null` for a block of a tile. */
  readonly bytes: number | null;
  readonly changes: readonly KeptChange[];
}

interface KeptTile extends Tile {
  readonly members: readonly TileMember[];
}

interface KeptCommit extends CheckpointAdvance {
  readonly kind: 'commit';
  readonly rollbackTo: BlockRef | null;
  readonly identity: ChainIdentity | null;
  readonly blocks: readonly KeptBlock[];
  readonly tiles: readonly KeptTile[];
}

type Kept = KeptCommit | Extract<StoredWrite, { readonly kind: 'rollback' }>;

const LENGTH_BYTES = 4;
const decoder = new TextDecoder('utf-8', { fatal: true });

/** Makes the record of a write. */
export function encodeWrite(write: StoredWrite): Uint8Array {
  if (write.kind === 'rollback') return pack(write, []);
  const { rollbackTo, identity, confirmed, finalized, blocks, tiles = [] } = write.batch;
  const parts: Uint8Array[] = [];
  const isWhole = (height: number): boolean => tiles.some(({ from, to }) => from <= height && height <= to);
  const kept: KeptCommit = {
    ...{ kind: 'commit', rollbackTo, identity, confirmed, finalized },
    blocks: blocks.map((block) => keptBlock(block, isWhole(block.frame.header.height), parts)),
    tiles: tiles.map(({ body, ...tile }) => {
      parts.push(body.bytes);
      return { ...tile, members: body.members };
    }),
  };
  return pack(kept, parts);
}

function keptBlock({ frame, changes }: CommitBlock, isWhole: boolean, parts: Uint8Array[]): KeptBlock {
  const { header, codec, documentBytes, bytes } = frame;
  if (!isWhole) parts.push(bytes);
  return {
    ...{ header, codec, documentBytes },
    bytes: isWhole ? null : bytes.byteLength,
    changes: changes.map(({ table, key, value }) => {
      if (value !== null) parts.push(value);
      return { table, key, bytes: value?.byteLength ?? null };
    }),
  };
}

function pack(kept: Kept, parts: readonly Uint8Array[]): Uint8Array {
  const text = utf8Bytes(JSON.stringify(kept));
  const length = new Uint8Array(LENGTH_BYTES);
  new DataView(length.buffer).setUint32(0, text.byteLength, true);
  return concatBytes([length, text, ...parts]);
}

/** Reads the record of a write. @throws SyncError `STORE_DAMAGED` */
export function decodeWrite(record: Uint8Array): StoredWrite {
  try {
    const view = new DataView(record.buffer, record.byteOffset, record.byteLength);
    const end = LENGTH_BYTES + view.getUint32(0, true);
    const kept = JSON.parse(decoder.decode(record.subarray(LENGTH_BYTES, end))) as Kept;
    return kept.kind === 'rollback' ? kept : { kind: 'commit', batch: batchOf(kept, record.subarray(end)) };
  } catch (cause) {
    throw new SyncError('STORE_DAMAGED', 'A record of the store is not what was written.', { cause });
  }
}

function batchOf({ blocks: kept, tiles: keptTiles, ...rest }: KeptCommit, bytes: Uint8Array): CommitBatch {
  let at = 0;
  const take = (length: number): Uint8Array => {
    at += length;
    if (at > bytes.byteLength) throw new RangeError('Its bytes end too early.');
    return bytes.subarray(at - length, at);
  };
  const read = kept.map(({ header, codec, documentBytes, bytes: length, changes }) => ({
    ...{ header, codec, documentBytes },
    bytes: length === null ? null : take(length),
    changes: changes.map(({ table, key, bytes: size }): StateChange => {
      return { table, key, value: size === null ? null : take(size) };
    }),
  }));
  const tiles = keptTiles.map(({ members, ...tile }): CommitTile => {
    return { ...tile, body: { bytes: take(tile.bytes), members } };
  });
  const inTiles = new Map(tiles.flatMap((tile) => documentsOf(tile, kept)));
  const blocks = read.map(({ changes, bytes: own, ...frame }): CommitBlock => {
    if (own !== null) return { frame: { ...frame, bytes: own }, changes };
    // Decoded only where it is asked for: the store keeps most tiles as they are.
    const document = inTiles.get(frame.header.height);
    if (document === undefined) throw new TypeError('A block has no bytes.');
    return {
      frame: {
        ...frame,
        codec: 'identity',
        get bytes() {
          return document();
        },
      },
      changes,
    };
  });
  return { ...rest, blocks, tiles };
}

function documentsOf(
  tile: CommitTile,
  blocks: readonly KeptBlock[],
): readonly (readonly [number, () => Uint8Array])[] {
  const inside = blocks.filter(({ header: { height } }) => tile.from <= height && height <= tile.to);
  const documents = new TileDocuments({
    body: tile.body,
    documentLengths: inside.map(({ documentBytes }) => documentBytes),
  });
  return inside.map(({ header }, index) => [header.height, () => documents.at(index)]);
}
