import type { BlockMaker } from './ballot.js';

/** Signers of Clique whose blocks are remembered where nobody knows how many there are. */
const UNKNOWN_RECENT = 32;

/** A block of Clique, as it stands to those who may sign. */
export interface Turn {
  readonly height: number;
  readonly maker: BlockMaker;
  readonly difficulty: number;
}

/** How many blocks below one its signer may not have signed. */
export function restBlocks(signers: number): number {
  return Math.floor(signers / 2);
}

/** How many of the newest blocks' signers are remembered. */
export function keptBlocks(signers: number | null): number {
  return signers === null ? UNKNOWN_RECENT : restBlocks(signers) + 1;
}

/** What is against a block of Clique (EIP-225); `null` for nothing. @param recent - who signed those below, newest last */
export function turnFault(
  { height, maker, difficulty }: Turn,
  signers: readonly string[],
  recent: readonly BlockMaker[],
): string | null {
  const { address } = maker;
  const at = signers.indexOf(address);
  if (at < 0) return `Its seal is by ${address}, which is none of its ${signers.length} validators`;
  const rest = restBlocks(signers.length);
  if (rest > 0 && recent.slice(-rest).some((one) => one.address === address))
    return `Its signer ${address} has signed one of the ${rest} blocks below it, and may sign one of ${rest + 1}`;
  const isInTurn = height % signers.length === at;
  if (difficulty === (isInTurn ? 2 : 1)) return null;
  return `Its difficulty is ${difficulty}, though it is ${isInTurn ? '' : 'not '}its signer's turn`;
}
