import type { ChainIdentity, PeerStatus, Transport } from '../contracts/index.js';
import { DEFAULT_RULES } from '../chain/open-store.js';
import { SyncError } from '../errors/index.js';

/** What blocks are in where nothing else is said (protocol 2.2): a peer that lists no codecs is not known to have another. */
const WIRE_DEFAULT = 'gzip';

/** What is known about the chain before a peer is asked. */
export interface KnownChain {
  /** From the configuration; `null` when it leaves the choice open. */
  readonly configured: string | null;
  /** From the store; `null` when it is empty. */
  readonly identity: ChainIdentity | null;
  /** Rules that a peer's word is enough for: they recompute hashes, so the word decides nothing. */
  readonly adoptable: readonly string[];
}

/**
 * Decides which rules to verify with: the configured ones, the store's, or those the peer announces.
 *
 * @throws SyncError `CHAIN_MISMATCH` when the peer announces rules that check no hashes, or that are not here, and nobody asked
 * for them.
 */
export function chooseRules(known: KnownChain, status: PeerStatus | null): string {
  const settled = known.configured ?? known.identity?.chain;
  if (settled !== undefined) return settled;
  if (status === null) return DEFAULT_RULES;
  if (known.adoptable.includes(status.chain)) return status.chain;
  const message = `The peer announces the rules ${status.chain}, which are only used when \`chain\` asks for them.`;
  throw new SyncError('CHAIN_MISMATCH', message);
}

/**
 * Checks that a peer serves the chain that this node holds.
 *
 * @throws SyncError `CHAIN_MISMATCH`
 */
export function checkPeerChain(status: PeerStatus, rules: string, chainId: string | null): void {
  if (status.chain !== rules) {
    throw new SyncError(
      'CHAIN_MISMATCH',
      `The peer serves a ${status.chain} chain; this node verifies ${rules}.`,
    );
  }
  if (chainId !== null && status.chainId !== null && status.chainId !== chainId) {
    throw new SyncError(
      'CHAIN_MISMATCH',
      `The peer serves chain ${status.chainId}; this node holds chain ${chainId}.`,
    );
  }
}

/**
 * Checks the name that an empty store is about to take from a peer, and is bound to from then on: as many peers have to give
 * it as have to agree.
 *
 * @param said - what the usable peers say of themselves; `null` for one that can't be asked, which doesn't contradict.
 * @throws SyncError `HEADS_DISAGREE`
 */
export function checkAgreedName(
  status: PeerStatus | null,
  said: readonly (PeerStatus | null)[],
  agree: number,
): void {
  const name = status?.chainId ?? null;
  const names = said.flatMap((each) => (each === null ? [] : [each.chainId]));
  const count = names.filter((each) => each === name).length;
  if (count >= agree || count === names.length) return;
  const message = `${count} of the ${agree} peers that have to agree name the chain ${name ?? 'without an id'}.`;
  throw new SyncError('HEADS_DISAGREE', message);
}

/**
 * The failure of a peer whose first block is not the one that its own name for the chain is the hash of: it contradicts
 * itself. Where the name is another peer's word, either of the two may be wrong.
 *
 * @param chainId - what the block was compared with.
 */
export function selfContradiction(
  error: SyncError,
  status: PeerStatus | null,
  chainId: string | null,
): SyncError {
  const isOfFirst = error.code === 'CHAIN_MISMATCH' && error.context.height === 0;
  if (!isOfFirst || chainId === null || status?.chainId !== chainId) return error;
  const message = `The peer names its chain by the hash of a first block that it does not have. ${error.message}`;
  return new SyncError('CHECKPOINT_MISMATCH', message, { ...error.context, cause: error });
}

/**
 * Picks the codecs to ask a peer for, in our order of preference. The one that the peer holds its blocks in comes first if we
 * take it: so neither side has to encode them anew. Ranges are asked for in frames; what the peer lists
 * under `json` are HTTP's names of encodings, which count only where it has no frames.
 *
 * @throws SyncError `CODEC_UNAVAILABLE` when the two have none in common.
 */
export function negotiateCodecs(
  ours: readonly string[],
  status: PeerStatus | null,
  mode: 'stream' | 'json',
): readonly string[] {
  const theirs = (mode === 'json' ? status?.codecs.frames : null) ?? status?.codecs[mode] ?? [];
  if (theirs.length === 0) return firstOf(ours, WIRE_DEFAULT);
  const common = ours.filter((id) => theirs.includes(id));
  if (common.length > 0) return firstOf(common, status?.storedAs ?? null);
  const message = `The peer serves ${theirs.join(', ')}; this node decodes ${ours.join(', ')}.`;
  throw new SyncError('CODEC_UNAVAILABLE', message);
}

/** Some codecs, one of them first if it is among them. */
function firstOf(codecs: readonly string[], first: string | null): readonly string[] {
  return [...codecs.filter((id) => id === first), ...codecs.filter((id) => id !== first)];
}

/** Codecs to ask a peer for: tiles are of one encoding. @throws SyncError `CODEC_UNAVAILABLE` when there are none in common */
export function codecsFor(
  { mode }: Pick<Transport, 'mode'>,
  ours: readonly string[],
  status: PeerStatus | null,
): readonly string[] {
  return mode === 'tiles' ? ours : negotiateCodecs(ours, status, mode);
}
