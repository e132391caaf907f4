import type { TileEntry, TileMember, TileValidators } from '../contracts/index.js';
import type { BlockColumns } from '../tiles/check-blocks.js';
import type { CheckedTile } from '../tiles/verify.js';
import type { WorkerModule } from './messages.js';
import { owning, type Parcel } from './transfer.js';

/** What a thread is asked for that has chain rules. */
export type TileRequest =
  /** To load the rules. */
  | { readonly kind: 'start' }
  | {
      readonly kind: 'tile';
      readonly entry: TileEntry;
      readonly body: Uint8Array;
      readonly maxBlockBytes: number;
      /** How to make the codec that the body is in; `null` for gzip. */
      readonly codec: WorkerModule | null;
    };

/** A checked tile as it comes back: what there is of each block is in a few pieces of memory. */
export interface PackedTile {
  readonly previousHash: string;
  /** ASCII, behind each other, as chains spell them; one by one where they are no ASCII. */
  readonly hashes: Uint8Array | readonly string[];
  /** {@link FIGURES} of each block, behind each other. */
  readonly figures: Float64Array;
  readonly members: readonly TileMember[];
  readonly encoded: Uint8Array | null;
  readonly validators: TileValidators | null;
}

/** Timestamp (NaN for none), length of the document, end of the hash. */
const FIGURES = 3;

/** A tile for a thread. Its body is copied, so that the caller keeps it. */
export function outgoingTile(request: Extract<TileRequest, { readonly kind: 'tile' }>): Parcel<TileRequest> {
  const body = new Uint8Array(request.body);
  return { content: { ...request, body }, transfer: [body.buffer] };
}

/** A checked tile to hand over. */
export function packTile({ columns, members, encoded }: CheckedTile): Parcel<PackedTile> {
  const { previousHash, validators } = columns;
  const hashes = packHashes(columns.hashes);
  const figures = packFigures(columns);
  const body = encoded === null ? null : owning(encoded);
  const transfer = [figures.buffer];
  if (body !== null) transfer.push(body.buffer);
  if (hashes instanceof Uint8Array) transfer.push(hashes.buffer);
  return { content: { previousHash, hashes, figures, members, encoded: body, validators }, transfer };
}

function packHashes(hashes: readonly string[]): Uint8Array<ArrayBuffer> | readonly string[] {
  const text = hashes.join('');
  const bytes = Buffer.byteLength(text);
  if (bytes !== text.length) return hashes;
  const packed = new Uint8Array(bytes);
  Buffer.from(packed.buffer).write(text, 'latin1');
  return packed;
}

function packFigures({ hashes, timestamps, lengths }: BlockColumns): Float64Array<ArrayBuffer> {
  const figures = new Float64Array(FIGURES * hashes.length);
  let end = 0;
  for (let block = 0; block < hashes.length; block++) {
    end += hashes[block]?.length ?? 0;
    figures[FIGURES * block] = timestamps[block] ?? NaN;
    figures[FIGURES * block + 1] = lengths[block] ?? 0;
    figures[FIGURES * block + 2] = end;
  }
  return figures;
}

/** The tile that came. */
export function unpackTile({
  previousHash,
  members,
  encoded,
  validators,
  ...packed
}: PackedTile): CheckedTile {
  return { columns: { previousHash, validators, ...unpackBlocks(packed) }, members, encoded };
}

function unpackBlocks({
  hashes: packed,
  figures,
}: Pick<PackedTile, 'hashes' | 'figures'>): Omit<BlockColumns, 'previousHash' | 'validators'> {
  const text = packed instanceof Uint8Array ? Buffer.from(packed.buffer) : null;
  const hashes: string[] = [];
  const timestamps: (number | null)[] = [];
  const lengths: number[] = [];
  let start = 0;
  for (let at = 0; at < figures.length; at += FIGURES) {
    const [timestamp, end] = [figures[at] as number, figures[at + 2] as number];
    // One string cut into pieces would stay in memory as long as one of them does.
    if (text !== null) hashes.push(text.toString('latin1', start, end));
    timestamps.push(Number.isNaN(timestamp) ? null : timestamp);
    lengths.push(figures[at + 1] as number);
    start = end;
  }
  return { hashes: text === null ? (packed as readonly string[]) : hashes, timestamps, lengths };
}
