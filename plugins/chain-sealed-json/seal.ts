import { concatBytes, utf8Bytes } from '#platform/bytes';
import type { BlockSigner } from '../../src/contracts/index.js';
import {
  type Document,
  MAX_DEPTH,
  type ScanOptions,
  scanObject,
  type Span,
} from '../../src/internal/json/index.js';
import { producerScheme } from '../../src/internal/producer-key-form.js';
import { HASHED_FROM, hashOf, RESERVED_NAMES, SEALED_JSON_GENESIS } from './form.js';
import { producerMember, SIGNATURE_FORM, signatureMember, SIGNED_NAMES, signedPieces } from './signed.js';

/** Tab, LF, CR, space. */
const WHITE_SPACE: readonly number[] = [0x09, 0x0a, 0x0d, 0x20];
const HASH = /^[0-9a-f]{64}$/;
/** The member that a record goes in as where its own members can't stand beside those of a block. */
const RECORD = 'record';
/** Which members of a record ask for that: with `record` among them a reader can tell how it went in. */
const WRAPPED = [...RESERVED_NAMES, RECORD];
const WRAPPED_IN_SIGNED = [...WRAPPED, ...SIGNED_NAMES];
const UNUSABLE_NAMES: readonly string[] = [...RESERVED_NAMES, ...SIGNED_NAMES];

/** Where a new block goes. */
export interface SealPlace {
  /** Integer from 0 to 2^53−1. */
  readonly height: number;
  /** Hash of the block before it; `SEALED_JSON_GENESIS` at height 0 and nowhere else. */
  readonly previousHash: string;
}

/** How a record goes into a block. */
export interface SealOptions {
  /**
   * Name of the member that the record goes in as, `{…,"NAME":{…}}`; `null` puts its members beside those of the block, and
   * a record that has a member `hash`, `height`, `previousHash` or `record`, for a signed block `producer` or `signature`
   * too, goes in as the member `record`.
   *
   * @defaultValue `null`
   */
  readonly wrap?: string | null;
}

/** A new block. */
export interface SealedBlock {
  readonly document: Uint8Array;
  readonly hash: string;
}

/**
 * Makes a block of a record: its bytes go in as they are, behind the three members that name the block (protocol section
 * 1.4).
 *
 * @param record - one JSON object in UTF-8. White space around it is dropped; within it there may be no raw line break,
 *   since a chain is exported one block a line.
 * @throws SyncError `BLOCK_MALFORMED` when the record is anything else.
 * @throws TypeError when the place is none, or `wrap` is a member of the block itself.
 */
export function seal(record: Uint8Array, place: SealPlace, options: SealOptions = {}): SealedBlock {
  return sealed(coveredBy(record, place, { wrap: options.wrap ?? null, isSigned: false }), '}');
}

/**
 * Makes a signed block of a record, as {@link seal} does; the producer and the signature stand at its end (protocol
 * section 1.7). Nodes that know no producers take it as they take any other.
 *
 * @param record - as for `seal`.
 * @param signer - of a key file (`readProducerKey`), or the host's own.
 * @throws SyncError `BLOCK_MALFORMED` when the record is anything else.
 * @throws TypeError when the place is none, `wrap` is a member of the block itself, or the signer's key or signature isn't
 *   in the form of the protocol; what the signer fails of.
 */
export async function sealSigned(
  record: Uint8Array,
  place: SealPlace,
  signer: BlockSigner,
  options: SealOptions = {},
): Promise<SealedBlock> {
  const { publicKey } = signer;
  if (producerScheme(publicKey) === null) throw new TypeError('The signer has no public key of a producer.');
  const covered = concatBytes([
    coveredBy(record, place, { wrap: options.wrap ?? null, isSigned: true }),
    utf8Bytes(producerMember(publicKey)),
  ]);
  const [purpose, bytes] = signedPieces(covered);
  const signature = await signer.signBytes(concatBytes([utf8Bytes(purpose), bytes]));
  if (!SIGNATURE_FORM.test(signature)) throw new TypeError('The signer gave no 128 lower-case hex digits.');
  return sealed(covered, signatureMember(signature));
}

/** What the hash covers of a block without its last members, behind the brace that it begins with. */
export function coveredBy(record: Uint8Array, place: SealPlace, form: RecordForm): Uint8Array {
  requireValid(place);
  const pieces = membersOf(record, form);
  const start = `"height":${place.height},"previousHash":"${place.previousHash}"`;
  return concatBytes([utf8Bytes(pieces.length === 0 ? start : `${start},`), ...pieces]);
}

function sealed(covered: Uint8Array, end: string): SealedBlock {
  const document = new Uint8Array(HASHED_FROM + covered.length + end.length);
  document.set(covered, HASHED_FROM);
  document.set(utf8Bytes(end), HASHED_FROM + covered.length);
  const hash = hashOf(document);
  document.set(utf8Bytes(`{"hash":"${hash}",`), 0);
  return { document, hash };
}

function requireValid({ height, previousHash }: SealPlace): void {
  if (!Number.isSafeInteger(height) || height < 0) throw new TypeError(`Not a height: ${height}.`);
  if (!HASH.test(previousHash)) throw new TypeError('previousHash must be 64 lower-case hex digits.');
  if ((height === 0) !== (previousHash === SEALED_JSON_GENESIS)) {
    throw new TypeError('previousHash must be 64 zeros at height 0 and nowhere else.');
  }
}

/** How a record goes into a block, complete. */
interface RecordForm {
  readonly wrap: string | null;
  readonly isSigned: boolean;
}

/** What stands between the members of the block and its end; nothing when the record has no members. */
function membersOf(record: Uint8Array, { wrap, isSigned }: RecordForm): readonly Uint8Array[] {
  const names = isSigned ? WRAPPED_IN_SIGNED : WRAPPED;
  const { span, members, count } = scanRecord(record, { maxDepth: MAX_DEPTH, names });
  if (wrap === null && members.size === 0)
    return count === 0 ? [] : [record.subarray(span.start + 1, span.end - 1)];
  // One level deeper.
  scanRecord(record, { maxDepth: MAX_DEPTH - 1, names: [] });
  return [utf8Bytes(`${nameOf(wrap ?? RECORD)}:`), record.subarray(span.start, span.end)];
}

/** @throws TypeError for a name that a block's own members have. */
function nameOf(wrap: string): string {
  if (UNUSABLE_NAMES.includes(wrap)) throw new TypeError(`wrap: a block has a member ${wrap} of its own.`);
  return JSON.stringify(wrap);
}

function scanRecord(record: Uint8Array, options: ScanOptions): Document {
  return scanObject(record, withoutOuterSpace(record), options);
}

function withoutOuterSpace(record: Uint8Array): Span {
  let start = 0;
  let end = record.length;
  while (start < end && WHITE_SPACE.includes(record[start] ?? 0)) start++;
  while (end > start && WHITE_SPACE.includes(record[end - 1] ?? 0)) end--;
  return { start, end };
}
