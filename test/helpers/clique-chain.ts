import {
  bytes,
  digestOf,
  encodeHeader,
  headerOf,
  hex,
  sealOf,
  type Validator,
  validator,
} from './qbft-chain.js';

/** A block of Clique that is to be made. */
export interface CliquePlan {
  readonly height: number;
  readonly parent: string;
  /** Those who may sign it. */
  readonly signers: readonly Validator[];
  /** Who does; the one whose turn it is where nothing is said. */
  readonly signer?: Validator;
  readonly vote?: { readonly candidate: Validator; readonly adds: boolean };
  /** Whether an epoch begins. */
  readonly isListed?: boolean;
  /** By whose turn it is where nothing is said. */
  readonly difficulty?: number;
}

const ascending = (signers: readonly Validator[]): readonly Validator[] =>
  signers.toSorted((a, b) => (a.address < b.address ? -1 : 1));

/** Whose turn it is. */
export function inTurn(signers: readonly Validator[], height: number): Validator {
  return ascending(signers)[height % signers.length] as Validator;
}

/** Makes a block of Clique by EIP-225. */
export async function cliqueBlock(
  plan: CliquePlan,
): Promise<{ readonly hash: string; readonly document: Uint8Array }> {
  const { height, parent, signers, vote, signer = inTurn(signers, height) } = plan;
  const isInTurn = signer === inTurn(signers, height);
  const header = {
    ...(await headerOf(height, parent)),
    miner: vote?.candidate.address ?? `0x${'00'.repeat(20)}`,
    difficulty: `0x${plan.difficulty ?? (isInTurn ? 2 : 1)}`,
    mixHash: `0x${'00'.repeat(32)}`,
    nonce: `0x${(vote?.adds === true ? 'ff' : '00').repeat(8)}`,
  };
  const list = plan.isListed === true ? ascending(signers).map(({ address }) => bytes(address)) : [];
  const unsealed = Buffer.concat([Buffer.alloc(32), ...list]);
  const digest = await digestOf(encodeHeader(header, unsealed));
  const seal = height === 0 ? Buffer.alloc(65) : await sealOf(digest, signer);
  const extra = Buffer.concat([unsealed, seal]);
  const hash = hex(await digestOf(encodeHeader(header, extra)));
  const block = { ...header, hash, extraData: hex(extra), transactions: [], uncles: [] };
  return { hash, document: Buffer.from(JSON.stringify(block)) };
}

/** A block of a made chain. */
export interface CliqueMade {
  readonly document: Uint8Array;
  readonly hash: string;
  readonly signer: Validator;
}

/** Whose turn it is, or where it has signed one of the last blocks another who has not. */
function due(signers: readonly Validator[], height: number, before: readonly CliqueMade[]): Validator {
  const resting = before.slice(-Math.floor(signers.length / 2)).map(({ signer }) => signer);
  return [inTurn(signers, height), ...signers].find((one) => !resting.includes(one)) as Validator;
}

/** A chain of Clique by three signers, of whom two vote for a fourth in two blocks; each epoch's first block lists them. */
export async function cliqueChain(
  blocks: number,
  { epochBlocks, addFrom }: { readonly epochBlocks: number; readonly addFrom: number },
): Promise<readonly CliqueMade[]> {
  const four = await Promise.all([0, 1, 2, 3].map(validator));
  const candidate = four[3] as Validator;
  const chain: CliqueMade[] = [];
  for (let height = 0; height < blocks; height++) {
    const isVote = height === addFrom || height === addFrom + 1;
    const vote = isVote ? { vote: { candidate, adds: true } } : {};
    const signers = height > addFrom + 1 ? four : four.slice(0, 3);
    const parent = chain.at(-1)?.hash ?? `0x${'00'.repeat(32)}`;
    const signer = due(signers, height, chain);
    const plan = { height, parent, signers, signer, isListed: height % epochBlocks === 0, ...vote };
    chain.push({ ...(await cliqueBlock(plan)), signer });
  }
  return chain;
}
