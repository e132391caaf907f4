import { createHash } from 'node:crypto';
import { malformed, type Span } from '../../src/internal/json/index.js';
import {
  derInteger,
  derOctets,
  derSequence,
  type Form,
  Members,
  type ReadField,
  readMessage,
  toHex,
} from '../../src/internal/proof/index.js';
import { encodeMessage } from './encode.js';
import { atMost } from './items.js';

const DOCUMENT: Form = { names: ['raw', 'header', 'data', 'metadata'], exact: false };
const HEADER: Form = { names: ['number', 'previous_hash', 'data_hash'], exact: true };
const DATA: Form = { names: ['data'], exact: true };
const METADATA: Form = { names: ['metadata'], exact: true };
const HASH_BYTES = 32;
/** An honest envelope has more than a kilobyte, most of it certificates. */
const MAX_ENVELOPES = 65_536;
/** Blocks have five kinds of metadata. */
const MAX_METADATA = 64;

/** A block, read. */
export interface FabricBlock {
  readonly number: number;
  readonly previousHash: Uint8Array;
  readonly dataHash: Uint8Array;
  /** The header in DER, which is hashed and signed. */
  readonly header: Uint8Array;
  /** Each of them, as its bytes or as the reason why JSON can't say them. */
  readonly envelopes: () => readonly Uint8Array[];
  readonly metadata: readonly Uint8Array[];
}

/** SHA-256 of some pieces behind each other. */
export function sha256(pieces: readonly Uint8Array[]): Buffer {
  const hash = createHash('sha256');
  for (const piece of pieces) hash.update(piece);
  return hash.digest();
}

/** The hash that the next block names. */
export function hashOf({ header }: FabricBlock): string {
  return toHex(sha256([header]));
}

/**
 * Reads a document: configtxlator's JSON of a block, or `{"raw":"…"}` with the block itself in base64.
 *
 * @param known - whether unknown members beside those are refused.
 * @throws SyncError `BLOCK_MALFORMED`
 */
export function readBlock(document: Uint8Array, known: boolean): FabricBlock {
  const top = Members.ofBlock(document, DOCUMENT);
  if (known) top.requireKnown();
  if (top.find('raw') === null) return ofJson(top);
  const beside = ['header', 'data', 'metadata'].find((name) => top.find(name) !== null);
  if (beside !== undefined) throw top.wrong(beside, 'need of it beside "raw"');
  return ofBytes(top.base64('raw'));
}

function ofJson(top: Members): FabricBlock {
  const header = top.object('header', HEADER);
  const data = top.object('data', DATA);
  const metadata = top.optionalObject('metadata', METADATA);
  const previous = header.find('previous_hash') === null ? new Uint8Array() : header.base64('previous_hash');
  if (previous.length !== 0 && previous.length !== HASH_BYTES)
    throw header.wrong('previous_hash', 'hash of 32 bytes');
  const envelope = (value: Span, at: number): Uint8Array =>
    encodeMessage(data.bytes, value, `data.data[${at}]`, 'Envelope');
  return withHeader({
    number: header.safeInteger('number', 0, Number.MAX_SAFE_INTEGER),
    previousHash: previous,
    dataHash: header.base64('data_hash', HASH_BYTES),
    envelopes: () => Array.from(atMost(data.values('data'), MAX_ENVELOPES, 'data'), envelope),
    metadata:
      metadata === null
        ? []
        : Array.from(atMost(metadata.values('metadata'), MAX_METADATA, 'metadata'), (one) =>
            bytesOf(metadata, one),
          ),
  });
}

/** Some write metadata that are empty as `null`. */
function bytesOf(metadata: Members, value: Span): Uint8Array {
  return metadata.bytes[value.start] === 0x6e ? new Uint8Array() : metadata.base64At(value, 'metadata');
}

function withHeader(block: Omit<FabricBlock, 'header'>): FabricBlock {
  const { number, previousHash, dataHash } = block;
  const header = derSequence(derInteger(BigInt(number)), derOctets(previousHash), derOctets(dataHash));
  return { ...block, header };
}

function ofBytes(raw: Uint8Array): FabricBlock {
  const [header, data, metadata] = singles(raw, 3, 'block');
  const fields = header instanceof Uint8Array ? singles(header, 3, 'header') : [];
  const [number = 0n, previousHash = new Uint8Array(), dataHash] = fields;
  const isHash = (value: unknown): boolean => value instanceof Uint8Array && value.length === HASH_BYTES;
  const isFirst = fields[1] === undefined;
  if (typeof number !== 'bigint' || number > BigInt(Number.MAX_SAFE_INTEGER) || !isHash(dataHash))
    throw refused('header');
  if (!isFirst && !isHash(previousHash)) throw refused('header');
  const envelopes = listOf(data, MAX_ENVELOPES, 'data');
  return withHeader({
    number: Number(number),
    previousHash: previousHash as Uint8Array,
    dataHash: dataHash as Uint8Array,
    envelopes: () => envelopes,
    metadata: listOf(metadata, MAX_METADATA, 'metadata'),
  });
}

/** The fields of a message that has each of its first so many at most once, and no others; by place. */
export function singles(
  bytes: Uint8Array,
  count: number,
  what: string,
): readonly (bigint | Uint8Array | undefined)[] {
  const fields = readMessage(bytes, count);
  const isSingle = (one: ReadField, at: number): boolean =>
    one.field <= count && one.field !== fields?.[at - 1]?.field;
  if (fields === null || !fields.every(isSingle)) throw refused(what);
  return Array.from({ length: count }, (_, at) => fields.find(({ field }) => field === at + 1)?.value);
}

/** The items of a message with one repeated field of bytes. */
function listOf(bytes: bigint | Uint8Array | undefined, most: number, what: string): readonly Uint8Array[] {
  if (bytes === undefined) return [];
  const fields = bytes instanceof Uint8Array ? readMessage(bytes, most) : null;
  if (fields === null) throw refused(what, most);
  return fields.map(({ field, value }) => {
    if (field !== 1 || !(value instanceof Uint8Array)) throw refused(what);
    return value;
  });
}

/** The error for bytes that are not a message in its one form. */
export function refused(what: string, most: number | null = null): Error {
  const bound = most === null ? '' : `, of at most ${most} items,`;
  return malformed(0, `no ${what} in the one form of its message${bound}`);
}
