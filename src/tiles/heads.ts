import type { BlockHeader } from '../contracts/index.js';
import { ByteReader, ByteWriter } from './varints.js';

/** What a store keeps of a block beside its bytes; in a tile, the chain's rules are not needed to know it. */
export interface BlockHead {
  readonly header: BlockHeader;
  readonly documentBytes: number;
  /** Number of changes of the state, so that an undo record that was lost is missed. */
  readonly changes: number;
}

/** How the hashes of a group are written: any text as JSON, or 32 bytes each of what is always 64 lower-case hex digits. */
const FORM = { text: 0, hex: 1, prefixed: 2 } as const;
type Form = (typeof FORM)[keyof typeof FORM];

const PREFIX = '0x';
const HASH_BYTES = 32;
const HEX_DIGITS = 2 * HASH_BYTES;

/** Room for the numbers of a block: two varints and a time. */
const NUMBERS_BYTES = 32;

/** The heads of some blocks behind each other. Hashes don't compress, and the rest is a few bytes: so nothing is. */
export function encodeHeads(heads: readonly BlockHead[]): Buffer {
  const hashes = [heads[0]?.header.previousHash ?? '', ...heads.map(({ header: { hash } }) => hash)];
  const { form, packed } = packHashes(hashes);
  const writer = new ByteWriter(packed.byteLength + NUMBERS_BYTES * (heads.length + 1));
  writer.varint(form);
  writer.varint(heads.length);
  if (form === FORM.text) writer.varint(packed.byteLength);
  writer.bytes(packed);
  let last = 0;
  for (const { header, documentBytes, changes } of heads) {
    writer.varint(documentBytes);
    writer.varint(changes);
    writer.time(header.timestamp, last);
    last = nextTime(header.timestamp, last);
  }
  return writer.done();
}

/** Reads heads whose checksum was right. @param first - height of the first. */
export function decodeHeads(bytes: Uint8Array, first: number): readonly BlockHead[] {
  const reader = new ByteReader(bytes);
  const form = reader.varint() as Form;
  const count = reader.varint();
  const packed = reader.bytes(form === FORM.text ? reader.varint() : HASH_BYTES * (count + 1));
  const hashes = unpackHashes(form, packed);
  let last = 0;
  return Array.from({ length: count }, (_, at): BlockHead => {
    const documentBytes = reader.varint();
    const changes = reader.varint();
    const timestamp = reader.time(last);
    last = nextTime(timestamp, last);
    const [previousHash = '', hash = ''] = [hashes[at], hashes[at + 1]];
    return { header: { height: first + at, hash, previousHash, timestamp }, documentBytes, changes };
  });
}

/** What the next time is told from: a difference to what is no integer would not be exact. */
function nextTime(time: number | null, last: number): number {
  return time !== null && Number.isSafeInteger(time) ? time : last;
}

/** Hashes as they are written. */
interface PackedHashes {
  readonly form: Form;
  readonly packed: Buffer;
}

function packHashes(hashes: readonly string[]): PackedHashes {
  const form = hashes[0]?.startsWith(PREFIX) === true ? FORM.prefixed : FORM.hex;
  const packed = packDigits(hashes, form === FORM.prefixed ? PREFIX : '');
  return packed === null
    ? { form: FORM.text, packed: Buffer.from(JSON.stringify(hashes)) }
    : { form, packed };
}

/** The bytes of hashes that all are a prefix and 64 lower-case hex digits; `null` when one is not. */
function packDigits(hashes: readonly string[], prefix: string): Buffer | null {
  const length = prefix.length + HEX_DIGITS;
  if (!hashes.every((hash) => hash.length === length && hash.startsWith(prefix))) return null;
  const digits = (prefix === '' ? hashes : hashes.map((hash) => hash.slice(prefix.length))).join('');
  const packed = Buffer.from(digits, 'hex');
  // What is read is what was written: nothing else tells all digits apart from other text as fast.
  return packed.toString('hex') === digits ? packed : null;
}

function unpackHashes(form: Form, packed: Buffer): readonly string[] {
  if (form === FORM.text) return JSON.parse(packed.toString()) as readonly string[];
  const digits = packed.toString('hex');
  const prefix = form === FORM.hex ? '' : PREFIX;
  return Array.from(
    { length: packed.byteLength / HASH_BYTES },
    (_, at) => prefix + digits.slice(HEX_DIGITS * at, HEX_DIGITS * (at + 1)),
  );
}
