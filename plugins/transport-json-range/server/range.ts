import type { BlockHeader, BlockSource, EndpointRequest } from '../../../src/contracts/index.js';
import { SyncError } from '../../../src/errors/index.js';
import { belowBase, forkedBelow, hashBefore } from '../../../src/internal/ancestry.js';
import { invalidParameter, QueryParameters } from '../../../src/internal/http/query.js';

/** A range as it was asked for. */
export interface AskedRange {
  readonly from: number;
  /** Included; `null` for as far as one answer goes. */
  readonly to: number | null;
  /** The hash that the client has at `from − 1`; `null` when it names none. */
  readonly parentHash: string | null;
  /** Codec of the frames that are wanted in place of documents; `null` for documents. */
  readonly frames: string | null;
  /** How long the answer may wait for a block, in milliseconds; 0 answers at once. */
  readonly waitMs: number;
}

/** A range as it is answered. */
export interface ServedRange {
  readonly from: number;
  /** The last block; `null` when there is none from `from` on. */
  readonly last: BlockHeader | null;
  /** The hash that the first block has to name as its parent; `null` when any will do. */
  readonly parentHash: string | null;
  /** Whether every later answer is the same: all that was asked for is final. */
  readonly final: boolean;
  /** Height of the head that the parent was judged by; `null` for an empty chain. */
  readonly headHeight: number | null;
}

const PARAMETERS = ['from', 'to', 'parent_hash', 'frames', 'wait'] as const;

/** Whole seconds, of which the server's own limit is what counts. */
const SECONDS = /^(0|[1-9][0-9]{0,5})$/;

/**
 * Reads the parameters of a range (protocol section 2.3). Without both ends it is from 0; `to` alone is half a range.
 *
 * @throws SyncError `BAD_REQUEST` naming the parameter, `RANGE_TOO_LARGE`
 */
export function readRange(request: EndpointRequest, maxRange: number): AskedRange {
  const given = new QueryParameters(request.query, PARAMETERS);
  const to = given.height('to');
  const from = given.height('from') ?? (to === null ? 0 : null);
  if (from === null) throw invalidParameter('from', 'is missing although there is a `to`');
  if (to !== null) checkSize(from, to, maxRange);
  const waitMs = waitOf(given.text('wait'));
  return { from, to, parentHash: given.hash('parent_hash'), frames: given.text('frames'), waitMs };
}

function waitOf(text: string | null): number {
  if (text === null) return 0;
  if (!SECONDS.test(text)) throw invalidParameter('wait', 'is not a number of whole seconds');
  return Number(text) * 1_000;
}

/** Whether a request asks to be held until there is a block, if that has to be. */
export function asksToWait({ query }: EndpointRequest): boolean {
  const text = query.get('wait');
  return text !== null && text !== '0';
}

/** Judged by what is asked for, not by what there is, so that the same request is always answered the same. */
function checkSize(from: number, to: number, maxRange: number): void {
  if (from > to) throw invalidParameter('to', `is ${to}, which is below \`from\`, ${from}`);
  if (to - from < maxRange) return;
  throw new SyncError(
    'RANGE_TOO_LARGE',
    `The range from ${from} to ${to} has more than the ${maxRange} blocks that one answer may have.`,
  );
}

/**
 * Finds what there is of a range now: without `to`, as much as one answer may have.
 *
 * @returns `null` when the chain changed while it was looked at.
 * @throws SyncError `BELOW_BASE`, `FORKED`
 */
export async function locateRange(
  source: BlockSource,
  asked: AskedRange,
  maxRange: number,
): Promise<ServedRange | null> {
  const tip = source.tip();
  if (asked.from < tip.base) throw belowBase(asked.from, tip.base);
  const headHeight = tip.head?.height ?? null;
  const parentHash = await checkParent(source, asked);
  if (isUnjudged(asked, parentHash, headHeight)) return null;
  const found = { from: asked.from, parentHash, headHeight };
  const to = Math.min(headHeight ?? -1, asked.to ?? asked.from + maxRange - 1);
  if (to < asked.from) return { ...found, last: null, final: false };
  const last = await source.header(to);
  return last === null ? null : { ...found, last, final: isFinal(asked, tip) };
}

/** Whether a parent could not be seen although it is not above the head: then the chain has changed. */
function isUnjudged(
  { from, parentHash }: AskedRange,
  known: string | null,
  headHeight: number | null,
): boolean {
  return parentHash !== null && known === null && headHeight !== null && from - 1 <= headHeight;
}

function isFinal({ to }: AskedRange, { finalized }: ReturnType<BlockSource['tip']>): boolean {
  return to !== null && finalized !== null && to <= finalized.height;
}

/** @returns the parent's hash when it was named and can be seen from here. */
async function checkParent(source: BlockSource, { from, parentHash }: AskedRange): Promise<string | null> {
  if (parentHash === null) return null;
  const known = await hashBefore(source, from);
  if (known !== null && known !== parentHash) throw await forkedBelow(source, from, from - 1);
  return known;
}
