import { type Form, Members, mismatch, toHex } from '../../src/internal/proof/index.js';
import { malformed } from '../../src/internal/json/index.js';
import { doubleSha256, reversed } from './hash.js';
import { isWithin, targetOf } from './target.js';

const FIELDS = ['version', 'previousblockhash', 'merkleroot', 'time', 'bits', 'nonce'] as const;
/** What is different an hour later, so that no two nodes have the same document. */
const CHANGING = ['confirmations', 'nextblockhash'] as const;
const DOCUMENT: Form = {
  names: ['hash', 'height', 'header', 'versionHex', 'nTx', 'size', 'tx', ...FIELDS, ...CHANGING],
  exact: false,
};
const HEADER_BYTES = 80;
const HASH_BYTES = 32;
const MAX_UINT32 = 2 ** 32 - 1;
const MIN_INT32 = -(2 ** 31);

/** A header, read. */
export interface Header {
  readonly height: number;
  readonly bytes: Buffer;
  /** As the document states it. */
  readonly hash: string;
  readonly previousHash: string;
  /** In the order of the bytes, which is not that in which hashes are shown. */
  readonly merkleRoot: Uint8Array;
  /** Seconds since 1970. */
  readonly time: number;
  readonly bits: number;
}

/** The members of a document, without those that change. @throws SyncError `BLOCK_MALFORMED` */
export function readDocument(document: Uint8Array): Members {
  const members = Members.ofBlock(document, DOCUMENT);
  for (const name of CHANGING) {
    const value = members.find(name);
    if (value !== null)
      throw malformed(
        value.start,
        `"${name}", which changes from hour to hour (blockferry seal --from bitcoin drops it),`,
      );
  }
  return members;
}

/** @throws SyncError `BLOCK_MALFORMED` */
export function readHeader(members: Members): Header {
  const bytes = members.find('header') === null ? ofFields(members) : ofHex(members);
  return {
    height: members.safeInteger('height', 0, Number.MAX_SAFE_INTEGER),
    hash: toHex(members.hex('hash', 'lower', HASH_BYTES)),
    bytes,
    previousHash: toHex(reversed(bytes.subarray(4, 36))),
    merkleRoot: bytes.subarray(36, 68),
    time: bytes.readUInt32LE(68),
    bits: bytes.readUInt32LE(72),
  };
}

/** The header's hash, as it is shown. */
export function hashOf({ bytes }: Header): string {
  return toHex(reversed(doubleSha256(bytes)));
}

/**
 * Checks that a header's hash is not above the target that the header states, nor that target easier than the easiest one.
 *
 * @throws SyncError `HASH_MISMATCH`
 */
export function checkWork({ height, hash, bits }: Header, easiest: bigint | null): void {
  const target = targetOf(bits);
  if (target === null) throw mismatch(height, '"bits" is no target');
  if (!isWithin(hash, target))
    throw mismatch(height, 'its hash is above the target of "bits": nobody worked for it');
  if (easiest !== null && target > easiest)
    throw mismatch(height, '"bits" is easier than `easiestBits` allows');
}

function ofHex(members: Members): Buffer {
  const beside = FIELDS.find((name) => members.find(name) !== null);
  if (beside !== undefined) throw members.wrong(beside, 'need of it beside "header"');
  return Buffer.from(members.hex('header', 'lower', HEADER_BYTES));
}

function ofFields(members: Members): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES);
  const version = members.safeInteger('version', MIN_INT32, MAX_UINT32) >>> 0;
  bytes.writeUInt32LE(version, 0);
  // The first block has no parent.
  if (members.find('previousblockhash') !== null)
    bytes.set(reversed(members.hex('previousblockhash', 'lower', HASH_BYTES)), 4);
  bytes.set(reversed(members.hex('merkleroot', 'lower', HASH_BYTES)), 36);
  bytes.writeUInt32LE(members.safeInteger('time', 0, MAX_UINT32), 68);
  bytes.set(reversed(members.hex('bits', 'lower', 4)), 72);
  bytes.writeUInt32LE(members.safeInteger('nonce', 0, MAX_UINT32), 76);
  const shown = version.toString(16).padStart(8, '0');
  if (members.find('versionHex') !== null && members.text('versionHex') !== shown)
    throw members.wrong('versionHex', 'version of the header');
  return bytes;
}
