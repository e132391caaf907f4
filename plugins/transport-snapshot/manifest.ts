import type { SnapshotManifest, SnapshotPart } from '../../src/contracts/index.js';
import { asObject, isHeight } from '../../src/internal/http/shape.js';
import { corrupt, parseClaims, wrong, type Members } from './manifest-claims.js';
import { MerkleTree } from './merkle.js';

/** Parts of one snapshot at most: 900 GB of document in parts of 900 kB. */
export const MAX_PARTS = 1_000_000;
/** Decoded bytes of one part that a client takes at most; the parts made here have 900 kB. */
export const MAX_PART_RAW_BYTES = 16 * 1024 * 1024;
/** Encoded bytes of one part at most: no codec makes its input much larger. */
export const MAX_PART_BYTES = MAX_PART_RAW_BYTES + 1024 * 1024;
const SHA256 = /^[0-9a-f]{64}$/;

/** RFC 6962 tree hash over the parts' hashes, lower-case hex (protocol section 2.5). */
export function partsRoot(parts: readonly Pick<SnapshotPart, 'sha256'>[]): string {
  const tree = new MerkleTree();
  for (const { sha256 } of parts) tree.add(Buffer.from(sha256, 'hex'));
  return tree.root().toString('hex');
}

/**
 * Checks a manifest that is held whole: shape, sums, order of the parts, root. Signatures are not looked at. What a peer sends
 * is read by `readManifest` of the client instead, which holds less.
 *
 * @throws SyncError `SNAPSHOT_CORRUPT`
 */
export function parseManifest(value: unknown): SnapshotManifest {
  const members = asObject(value);
  if (members === null) throw corrupt('it is not an object');
  const manifest = { ...parseClaims(members), parts: parts(members) };
  checkSums(manifest);
  return manifest;
}

function parts(members: Members): readonly SnapshotPart[] {
  const list = members['parts'];
  if (!Array.isArray(list) || list.length === 0 || list.length > MAX_PARTS) throw wrong('parts');
  return list.map((value: unknown) => {
    const { offset, length, rawLength, sha256 } = asObject(value) ?? {};
    if (!isHeight(offset)) throw wrong('offset');
    if (!isLength(length, MAX_PART_BYTES)) throw wrong('parts.length');
    if (!isLength(rawLength, MAX_PART_RAW_BYTES)) throw wrong('parts.rawLength');
    if (typeof sha256 !== 'string' || !SHA256.test(sha256)) throw wrong('sha256');
    return { offset, length, rawLength, sha256 };
  });
}

function isLength(value: unknown, max: number): value is number {
  return isHeight(value) && value >= 1 && value <= max;
}

function checkSums({ parts, size, rawSize, root }: SnapshotManifest): void {
  let offset = 0;
  let raw = 0;
  for (const part of parts) {
    if (part.offset !== offset) throw corrupt(`a part begins at ${part.offset} where ${offset} was due`);
    offset += part.length;
    raw += part.rawLength;
  }
  checkTotals({ size, rawSize }, offset, raw);
  if (partsRoot(parts) !== root) throw corrupt('its root is not that of its parts');
}

/** @throws SyncError `SNAPSHOT_CORRUPT` when the parts have not the bytes that the manifest says */
export function checkTotals(
  { size, rawSize }: Pick<SnapshotManifest, 'size' | 'rawSize'>,
  length: number,
  rawLength: number,
): void {
  if (length !== size) throw corrupt(`its parts have ${length} bytes together, its size says ${size}`);
  if (rawLength !== rawSize)
    throw corrupt(`its parts decode to ${rawLength} bytes, its rawSize says ${rawSize}`);
}
