import type { Chain } from '../../chain/chain.js';
import type { BlockRef, TileEntry } from '../../contracts/index.js';
import { SyncError } from '../../errors/index.js';
import { asObject } from '../../internal/http/shape.js';
import { asSigners, asSnapshots } from '../../internal/http/status.js';
import { chainMembers } from '../../server/status.js';
import { entryMembers } from '../../tiles/entry.js';
import type { PublishedSnapshot } from './snapshots.js';

/** Name of the status document, which names all other files. */
export const STATUS = 'status';

/** What a status says besides the chain. */
export interface StatusContents {
  /** First height; `null` when nothing is settled. */
  readonly from: number | null;
  /** The newest block; `null` likewise. */
  readonly head: BlockRef | null;
  /** The blocks behind the last tile; `null` for none. */
  readonly tail: TileEntry | null;
  /** The snapshots that are kept. */
  readonly snapshots: readonly PublishedSnapshot[];
  /** Keys that they are signed with. */
  readonly signers: readonly string[];
}

/** What an earlier run has published of snapshots. */
export type EarlierSnapshots = Pick<StatusContents, 'snapshots' | 'signers'>;

/**
 * Reads the status of an earlier run.
 *
 * @throws SyncError `CHAIN_MISMATCH` for that of another chain
 */
export function readStatus(status: string, chain: Chain): EarlierSnapshots {
  const members = readMembers(status);
  const { chain: rules, chainId = null } = members;
  if (rules !== chain.chain || (chainId !== null && chainId !== chain.chainId()))
    throw new SyncError('CHAIN_MISMATCH', 'Something else than this chain is published in this place.');
  const snapshots = asSnapshots(members).flatMap(({ codec, manifest, ...about }) =>
    codec === undefined || manifest === undefined ? [] : [{ ...about, codec, manifest }],
  );
  return { snapshots, signers: asSigners(members) };
}

function readMembers(status: string): Readonly<Record<string, unknown>> {
  try {
    return asObject(JSON.parse(status)) ?? {};
  } catch {
    return {};
  }
}

/** The status document of a server that has the blocks and snapshots that are published, in files (protocol section 2.6). */
export function statusText(chain: Chain, { from, head, tail, snapshots, signers }: StatusContents): string {
  const { base, confirmed, finalized } = chain.tip();
  const tip = {
    base: from ?? base,
    head,
    confirmed: notAbove(confirmed, head),
    finalized: notAbove(finalized, head),
  };
  const source = { chain: chain.chain, chainId: () => chain.chainId(), tip: () => tip };
  const to = tail === null ? head?.height : tail.from - 1;
  const status = {
    ...chainMembers(source),
    codecs: { stream: [], json: [], snapshot: [], frames: [] },
    storedAs: null,
    tiles: from === null ? null : { from, to, tail: tail === null ? null : entryMembers(tail) },
    limits: {},
    snapshots,
    signers,
  };
  return `${JSON.stringify(status)}\n`;
}

function notAbove(ref: BlockRef | null, head: BlockRef | null): BlockRef | null {
  return ref === null || head === null || ref.height <= head.height ? ref : head;
}
