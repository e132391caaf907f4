import { type BlockInfo, decodeJson, encodeJson } from './records.js';

/** Most blocks of one run, so that reading one of them stays cheap. */
const MAX_RUN_BLOCKS = 256;

type InfoTuple = readonly [
  hash: string,
  timestamp: number | null,
  codec: string,
  size: number,
  changes: number,
  segment: number,
  offset: number,
  bytes: number,
];

/** The parent of the first block, and the blocks: each is the parent of the next. */
type RunTuple = readonly [previousHash: string, ...blocks: readonly InfoTuple[]];

/** Cuts blocks into runs of which each gets one record: a record for each block costs more time than all else in a commit. */
export function* runsOf(infos: readonly BlockInfo[]): Generator<readonly BlockInfo[], void, undefined> {
  for (let at = 0; at < infos.length; at += MAX_RUN_BLOCKS) yield infos.slice(at, at + MAX_RUN_BLOCKS);
}

/** The record of a run; the height of its first block is in the key. */
export function encodeRun(run: readonly BlockInfo[]): Buffer {
  const blocks = run.map(({ header, codec, documentBytes, changes, place }): InfoTuple => {
    const { segment, offset, bytes } = place;
    return [header.hash, header.timestamp, codec, documentBytes, changes, segment, offset, bytes];
  });
  return encodeJson([run[0]?.header.previousHash ?? '', ...blocks] satisfies RunTuple);
}

/** Reads the record of a run. */
export function decodeRun(body: Buffer, first: number): readonly BlockInfo[] {
  const [parent, ...blocks] = decodeJson(body) as RunTuple;
  let previousHash = parent;
  return blocks.map(([hash, timestamp, codec, documentBytes, changes, segment, offset, bytes], index) => {
    const header = { height: first + index, hash, previousHash, timestamp };
    previousHash = hash;
    return { header, codec, documentBytes, changes, place: { segment, offset, bytes } };
  });
}
