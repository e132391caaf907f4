import { promisify } from 'node:util';
import { gunzipSync, gzip as gzipWithCallback } from 'node:zlib';
import type { BlockHeader } from '../../src/contracts/index.js';
import { decodeJson, encodeJson } from './records.js';

const gzip = promisify(gzipWithCallback);

/** What a store keeps of a block beside its bytes; in a tile, the chain's rules are not needed to know it. */
export interface BlockHead {
  readonly header: BlockHeader;
  readonly documentBytes: number;
  /** Number of changes of the state, so that an undo record that was lost is missed. */
  readonly changes: number;
}

type HeadTuple = readonly [hash: string, timestamp: number | null, documentBytes: number, changes: number];

/** The parent of the first block, and the blocks: each is the parent of the next. */
type HeadsTuple = readonly [previousHash: string, ...heads: readonly HeadTuple[]];

/** The heads of some blocks behind each other, compressed. */
export function encodeHeads(heads: readonly BlockHead[]): Promise<Buffer> {
  const tuples = heads.map(({ header, documentBytes, changes }): HeadTuple => {
    return [header.hash, header.timestamp, documentBytes, changes];
  });
  return gzip(encodeJson([heads[0]?.header.previousHash ?? '', ...tuples] satisfies HeadsTuple));
}

/** Reads heads whose checksum was right. @param first - height of the first. */
export function decodeHeads(bytes: Uint8Array, first: number): readonly BlockHead[] {
  const [parent, ...tuples] = decodeJson(gunzipSync(bytes)) as HeadsTuple;
  let previousHash = parent;
  return tuples.map(([hash, timestamp, documentBytes, changes], at) => {
    const header = { height: first + at, hash, previousHash, timestamp };
    previousHash = hash;
    return { header, documentBytes, changes };
  });
}
