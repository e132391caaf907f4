import type { SnapshotClaims, SnapshotSignature, SnapshotType } from '../../src/contracts/index.js';
import { SyncError } from '../../src/errors/index.js';
import { asObject, isHash, isHeight } from '../../src/internal/http/shape.js';
import { isSnapshotId } from '../../src/internal/snapshot-files.js';
import { isSnapshotType } from '../../src/internal/snapshot-types.js';

const MAX_SIGNATURES = 64;
const SHA256 = /^[0-9a-f]{64}$/;

/** Members of a JSON object. */
export type Members = Readonly<Record<string, unknown>>;

/** Checks the shape of all members of a manifest but its parts. @throws SyncError `SNAPSHOT_CORRUPT` */
export function parseClaims(members: Members): SnapshotClaims {
  return { ...header(members), ...sizes(members), signatures: signatures(members) };
}

function header(members: Members): Omit<SnapshotClaims, 'hash' | 'size' | 'rawSize' | 'root' | 'signatures'> {
  const { version, base, height } = members;
  if (version !== 1) throw corrupt('its version is not 1');
  const range = { height: number(members, 'height'), base: number(members, 'base') };
  if (range.base > range.height)
    throw corrupt(`its base ${String(base)} is above its height ${String(height)}`);
  return {
    version,
    id: text(members, 'id', isSnapshotId),
    chainId: text(members, 'chainId', isChainId),
    chain: text(members, 'chain', isHash),
    type: text(members, 'type', isSnapshotType) as SnapshotType,
    ...range,
    blockHash: text(members, 'blockHash', isHash),
    timestamp: number(members, 'timestamp'),
    codec: text(members, 'codec', (codec) => /^[a-z0-9-]{1,16}$/.test(codec)),
  };
}

function sizes(members: Members): Pick<SnapshotClaims, 'hash' | 'size' | 'rawSize' | 'root'> {
  return {
    hash: text(members, 'hash', isSha256),
    size: number(members, 'size'),
    rawSize: number(members, 'rawSize'),
    root: text(members, 'root', isSha256),
  };
}

/** Printable ASCII, as the signed messages are. Colons do no harm there: the six members behind it have none. */
function isChainId(chainId: string): boolean {
  return isHash(chainId) && /^[\x20-\x7e]+$/.test(chainId);
}

function isSha256(hash: string): boolean {
  return SHA256.test(hash);
}

function signatures(members: Members): readonly SnapshotSignature[] {
  const list = members['signatures'];
  if (!Array.isArray(list) || list.length > MAX_SIGNATURES) throw wrong('signatures');
  return list.map((value: unknown) => {
    const entry = asObject(value) ?? {};
    return { signer: text(entry, 'signer', isHash), signature: text(entry, 'signature', isHash) };
  });
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

/** The error for a member that is not what it should be. */
export function wrong(member: string): SyncError {
  return corrupt(`its member ${member} is not valid`);
}

/** The error for a manifest that is not in order. */
export function corrupt(why: string): SyncError {
  return new SyncError('SNAPSHOT_CORRUPT', `The manifest is not valid: ${why}.`);
}
