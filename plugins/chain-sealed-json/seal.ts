import { malformed, MAX_DEPTH, scanObject, type Span } from '../../src/internal/json/index.js';
import { HASHED_FROM, hashOf, RESERVED_NAMES, SEALED_JSON_GENESIS } from './form.js';

/** Tab, LF, CR, space. */
const WHITE_SPACE: readonly number[] = [0x09, 0x0a, 0x0d, 0x20];
const HASH = /^[0-9a-f]{64}$/;

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
  requireValid(place);
  const members = membersOf(payload);
  const head = `"height":${place.height},"previousHash":"${place.previousHash}"`;
  const hashed = Buffer.from(members.length === 0 ? head : `${head},`);
  const document = new Uint8Array(HASHED_FROM + hashed.length + members.length + 1);
  document.set(hashed, HASHED_FROM);
  document.set(members, HASHED_FROM + hashed.length);
  document[document.length - 1] = 0x7d;
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
function membersOf(payload: Uint8Array): Uint8Array {
  const scan = scanObject(payload, withoutOuterSpace(payload), {
    maxDepth: MAX_DEPTH,
    names: RESERVED_NAMES,
  });
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
