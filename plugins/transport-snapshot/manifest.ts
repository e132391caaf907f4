import type {
  SnapshotManifest,
  SnapshotPart,
  SnapshotSignature,
  SnapshotType,
} from '../../src/contracts/index.js';
import { SyncError } from '../../src/errors/index.js';
import { asObject, isHash, isHeight } from '../../src/internal/http/shape.js';
import { merkleRoot } from './merkle.js';

/** Parts of one snapshot at most: 900 GB of document in parts of 900 kB. */
const MAX_PARTS = 1_000_000;
/** Decoded bytes of one part that a client takes at most; the parts made here have 900 kB. */
const MAX_PART_RAW_BYTES = 16 * 1024 * 1024;
/** Encoded bytes of one part at most: no codec makes its input much larger. */
const MAX_PART_BYTES = MAX_PART_RAW_BYTES + 1024 * 1024;
const MAX_SIGNATURES = 64;
const ID = /^[A-Za-z0-9_-]{1,128}$/;
const SHA256 = /^[0-9a-f]{64}$/;

/** RFC 6962 tree hash over the parts' hashes, lower-case hex (protocol section 2.5). */
export function partsRoot(parts: readonly Pick<SnapshotPart, 'sha256'>[]): string {
  return merkleRoot(parts.map(({ sha256 }) => Buffer.from(sha256, 'hex'))).toString('hex');
}

/** Whether a text may be the id of a snapshot; it is also the name of a directory. */
export function isSnapshotId(text: string): boolean {
  return ID.test(text);
}

/**
 * Checks a manifest that came from outside: shape, sums, order of the parts, root. Signatures are not looked at.
 *
 * @throws SyncError `SNAPSHOT_CORRUPT`
 */
export function parseManifest(value: unknown): SnapshotManifest {
  const members = asObject(value);
  if (members === null) throw corrupt('it is not an object');
  const manifest = {
    ...header(members),
    ...sizes(members),
    parts: parts(members),
    signatures: signatures(members),
  };
  checkSums(manifest);
  return manifest;
}

type Members = Readonly<Record<string, unknown>>;

function header(
  members: Members,
): Pick<
  SnapshotManifest,
  'version' | 'id' | 'chainId' | 'chain' | 'type' | 'height' | 'base' | 'blockHash' | 'timestamp' | 'codec'
> {
  const { version, base, height } = members;
  if (version !== 1) throw corrupt('its version is not 1');
  const range = { height: number(members, 'height'), base: number(members, 'base') };
  if (range.base > range.height)
    throw corrupt(`its base ${String(base)} is above its height ${String(height)}`);
  return {
    version,
    id: text(members, 'id', (id) => ID.test(id)),
    chainId: text(members, 'chainId', isChainId),
    chain: text(members, 'chain', isHash),
    type: text(members, 'type', (type) => type === 'recent' || type === 'full') as SnapshotType,
    ...range,
    blockHash: text(members, 'blockHash', isHash),
    timestamp: number(members, 'timestamp'),
    codec: text(members, 'codec', (codec) => /^[a-z0-9-]{1,16}$/.test(codec)),
  };
}

function sizes(members: Members): Pick<SnapshotManifest, 'hash' | 'size' | 'rawSize' | 'root'> {
  return {
    hash: text(members, 'hash', (hash) => SHA256.test(hash)),
    size: number(members, 'size'),
    rawSize: number(members, 'rawSize'),
    root: text(members, 'root', (root) => SHA256.test(root)),
  };
}

/** Printable ASCII, as the signed messages are. Colons do no harm there: the six members behind it have none. */
function isChainId(chainId: string): boolean {
  return isHash(chainId) && /^[\x20-\x7e]+$/.test(chainId);
}

function parts(members: Members): readonly SnapshotPart[] {
  const list = members['parts'];
  if (!Array.isArray(list) || list.length === 0 || list.length > MAX_PARTS) throw wrong('parts');
  return list.map((value: unknown) => {
    const part = asObject(value) ?? {};
    const read = {
      offset: number(part, 'offset'),
      length: number(part, 'length'),
      rawLength: number(part, 'rawLength'),
      sha256: text(part, 'sha256', (hash) => SHA256.test(hash)),
    };
    if (read.length < 1 || read.length > MAX_PART_BYTES) throw wrong('parts.length');
    if (read.rawLength < 1 || read.rawLength > MAX_PART_RAW_BYTES) throw wrong('parts.rawLength');
    return read;
  });
}

function signatures(members: Members): readonly SnapshotSignature[] {
  const list = members['signatures'];
  if (!Array.isArray(list) || list.length > MAX_SIGNATURES) throw wrong('signatures');
  return list.map((value: unknown) => {
    const entry = asObject(value) ?? {};
    return { signer: text(entry, 'signer', isHash), signature: text(entry, 'signature', isHash) };
  });
}

function checkSums({ parts, size, rawSize, root }: SnapshotManifest): void {
  let offset = 0;
  let raw = 0;
  for (const part of parts) {
    if (part.offset !== offset) throw corrupt(`a part begins at ${part.offset} where ${offset} was due`);
    offset += part.length;
    raw += part.rawLength;
  }
  if (offset !== size) throw corrupt(`its parts have ${offset} bytes together, its size says ${size}`);
  if (raw !== rawSize) throw corrupt(`its parts decode to ${raw} bytes, its rawSize says ${rawSize}`);
  if (partsRoot(parts) !== root) throw corrupt('its root is not that of its parts');
}

function number(members: Members, name: string): number {
  const value = members[name];
  if (!isHeight(value)) throw wrong(name);
  return value;
}

function text(members: Members, name: string, accepts: (text: string) => boolean): string {
  const value = members[name];
  if (typeof value !== 'string' || !accepts(value)) throw wrong(name);
  return value;
}

function wrong(member: string): SyncError {
  return corrupt(`its member ${member} is not valid`);
}

function corrupt(why: string): SyncError {
  return new SyncError('SNAPSHOT_CORRUPT', `The manifest is not valid: ${why}.`);
}
