import { fieldOf } from '../block.js';
import { keccakBytes, toHex } from '../keccak.js';
import { encodeHeader } from '../header.js';
import type { Reading, SealedInput } from './extra.js';
import { headerVote, VOTE_NONCES, withExtra } from './extra.js';

const VANITY = 32;
const SEAL = 65;
const ADDRESS = 20;

/** Whether a header looks like one of Clique: nothing mixed in, a vote's nonce, room for a seal. */
export function looksLikeClique({ fields, extra }: SealedInput): boolean {
  const isUnmixed = fieldOf(fields, 'mixHash').every((byte) => byte === 0);
  const [difficulty = 0, ...more] = fieldOf(fields, 'difficulty');
  const isTurn = more.length === 0 && (difficulty === 1 || difficulty === 2);
  return (
    isUnmixed && isTurn && VOTE_NONCES.includes(toHex(fieldOf(fields, 'nonce'))) && extra.length > VANITY
  );
}

/**
 * Clique (EIP-225): vanity, the signers in blocks at which an epoch begins, one seal.
 *
 * @param hasSigners - whether an epoch begins.
 */
export function readClique({ fields, extra }: SealedInput, hasSigners: boolean): Reading {
  const bytes = extra.length - VANITY - SEAL;
  if (bytes < 0 || bytes % ADDRESS > 0) return `${extra.length} bytes, not 97 and 20 for each signer`;
  if (bytes > 0 && !hasSigners)
    return 'signers, which only the first block of an epoch has: `epochBlocks` of these rules says how long it is';
  if (bytes === 0 && hasSigners)
    return 'no signers, which the first block of an epoch has: `epochBlocks` of these rules says how long it is';
  const seal = extra.subarray(extra.length - SEAL);
  const unsealed = extra.subarray(0, extra.length - SEAL);
  const signers = Array.from({ length: bytes / ADDRESS }, (_, index) =>
    unsealed.subarray(VANITY + ADDRESS * index, VANITY + ADDRESS * (index + 1)),
  );
  return {
    kind: 'Clique',
    hash: keccakBytes(encodeHeader(fields)),
    validators: hasSigners ? signers : null,
    proposer: { bytes: seal, digest: keccakBytes(withExtra(fields, unsealed)) },
    commits: [],
    vote: headerVote(fields),
  };
}
