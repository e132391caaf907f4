import type { BlockSigner } from '../../src/contracts/index.js';
import { malformed, MAX_DEPTH, scanObject, type Span } from '../../src/internal/json/index.js';
import { producerScheme } from '../../src/internal/producer-key-form.js';
import { HASHED_FROM, hashOf, RESERVED_NAMES, SEALED_JSON_GENESIS } from './form.js';
import { producerMember, SIGNATURE_FORM, signatureMember, SIGNED_NAMES, signedPieces } from './signed.js';

/** Tab, LF, CR, space. */
const WHITE_SPACE: readonly number[] = [0x09, 0x0a, 0x0d, 0x20];
const HASH = /^[0-9a-f]{64}$/;
const RESERVED_IN_SIGNED = [...RESERVED_NAMES, ...SIGNED_NAMES];

/** Where a new block goes. */
export interface SealPlace {
  /** Integer from 0 to 2^53−1. */
  readonly height: number;
  /** Hash of the block before it; `SEALED_JSON_GENESIS` at height 0 and nowhere else. */
  readonly previousHash: string;
}

/** A new block. */
export interface SealedBlock {
  readonly document: Uint8Array;
  readonly hash: string;
}

/**
 * Makes a block of a payload: its members go in byte for byte, behind the three that name the block (protocol section
 * 1.4).
 *
 * @param payload - one JSON object in UTF-8 without the members `hash`, `height` and `previousHash`. White space around
 * it is dropped; within it there may be no raw line break.
 * @throws SyncError `BLOCK_MALFORMED` when the payload is anything else.
 * @throws TypeError when the place is none.
 */
export function seal(payload: Uint8Array, place: SealPlace): SealedBlock {
  return sealed(coveredBy(payload, place, RESERVED_NAMES), '}');
}

/**
 * Makes a signed block of a payload, as {@link seal} does; the producer and the signature stand at its end (protocol
 * section 1.7). Nodes that know no producers take it as they take any other.
 *
 * @param payload - as for `seal`, and without the members `producer` and `signature`.
 * @param signer - of a key file (`readProducerKey`), or the host's own.
 * @throws SyncError `BLOCK_MALFORMED` when the payload is anything else.
 * @throws TypeError when the place is none, or the signer's key or signature isn't in the form of the protocol; what the
 *   signer fails of.
 */
export async function sealSigned(
  payload: Uint8Array,
  place: SealPlace,
  signer: BlockSigner,
): Promise<SealedBlock> {
  const { publicKey } = signer;
  if (producerScheme(publicKey) === null) throw new TypeError('The signer has no public key of a producer.');
  const covered = Buffer.concat([
    coveredBy(payload, place, RESERVED_IN_SIGNED),
    Buffer.from(producerMember(publicKey)),
  ]);
  const [purpose, bytes] = signedPieces(covered);
  const signature = await signer.signBytes(Buffer.concat([Buffer.from(purpose), bytes]));
  if (!SIGNATURE_FORM.test(signature)) throw new TypeError('The signer gave no 128 lower-case hex digits.');
  return sealed(covered, signatureMember(signature));
}

/** What the hash covers of a block without its last members, behind the brace that it begins with. */
function coveredBy(payload: Uint8Array, place: SealPlace, reserved: readonly string[]): Uint8Array {
  requireValid(place);
  const members = membersOf(payload, reserved);
  const start = `"height":${place.height},"previousHash":"${place.previousHash}"`;
  return Buffer.concat([Buffer.from(members.length === 0 ? start : `${start},`), members]);
}

function sealed(covered: Uint8Array, end: string): SealedBlock {
  const document = new Uint8Array(HASHED_FROM + covered.length + end.length);
  document.set(covered, HASHED_FROM);
  document.set(Buffer.from(end), HASHED_FROM + covered.length);
  const hash = hashOf(document);
  document.set(Buffer.from(`{"hash":"${hash}",`), 0);
  return { document, hash };
}

function requireValid({ height, previousHash }: SealPlace): void {
  if (!Number.isSafeInteger(height) || height < 0) throw new TypeError(`Not a height: ${height}.`);
  if (!HASH.test(previousHash)) throw new TypeError('previousHash must be 64 lower-case hex digits.');
  if ((height === 0) !== (previousHash === SEALED_JSON_GENESIS)) {
    throw new TypeError('previousHash must be 64 zeros at height 0 and nowhere else.');
  }
}

/** What stands between the braces; nothing when there are no members. */
function membersOf(payload: Uint8Array, reserved: readonly string[]): Uint8Array {
  const scan = scanObject(payload, withoutOuterSpace(payload), { maxDepth: MAX_DEPTH, names: reserved });
  for (const [name, value] of scan.members) throw malformed(value.start, `the reserved member "${name}"`);
  return payload.subarray(scan.span.start + 1, scan.count === 0 ? scan.span.start + 1 : scan.span.end - 1);
}

function withoutOuterSpace(payload: Uint8Array): Span {
  let start = 0;
  let end = payload.length;
  while (start < end && WHITE_SPACE.includes(payload[start] ?? 0)) start++;
  while (end > start && WHITE_SPACE.includes(payload[end - 1] ?? 0)) end--;
  return { start, end };
}
