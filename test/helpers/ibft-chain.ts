import { RLP } from '@ethereumjs/rlp';
import { bytes, digestOf, encodeHeader, headerOf, hex, sealOf, type Validator } from './qbft-chain.js';

/** A block of IBFT1 or IBFT 2.0 that is to be made; all validators seal it. */
export interface IbftPlan {
  readonly kind: 'IBFT1' | 'IBFT2';
  readonly height: number;
  readonly parent: string;
  readonly validators: readonly Validator[];
  readonly vote?: { readonly candidate: Validator; readonly adds: boolean };
}

type Item = Uint8Array | Item[];

const VANITY = Buffer.alloc(32);
const EMPTY = new Uint8Array();
const NOBODY = `0x${'00'.repeat(20)}`;

interface Made {
  readonly hash: string;
  readonly document: Uint8Array;
}

/** Makes a block of IBFT1 (EIP-650, GoQuorum) or IBFT 2.0 (Besu) by the published rules. */
export async function ibftBlock(plan: IbftPlan): Promise<Made> {
  const { height, parent, validators, vote = null, kind } = plan;
  const proposer = validators[height % validators.length] as Validator;
  const header = { ...(await headerOf(height, parent)), ...votedIn(plan, proposer) };
  const list = validators.map(({ address }) => bytes(address)).toSorted((a, b) => Buffer.compare(a, b));
  const sealing: Sealing = {
    ...{ list, proposer, vote },
    sealers: height === 0 ? [] : validators,
    hashed: (data) => digestOf(encodeHeader(header, data)),
  };
  const extra = await (kind === 'IBFT1' ? ibft1Extra(sealing) : ibft2Extra(sealing));
  // Besu hashes its first block as it is.
  const hash = hex(height === 0 ? await sealing.hashed(extra.whole) : extra.hash);
  const block = { ...header, hash, extraData: hex(extra.whole), transactions: [], uncles: [] };
  return { hash, document: Buffer.from(JSON.stringify(block)) };
}

/** Members that have the vote in IBFT1, and the proposer in IBFT 2.0. */
function votedIn(
  { kind, height, vote }: IbftPlan,
  proposer: Validator,
): { readonly miner: string; readonly nonce: string } {
  const nonce = `0x${'00'.repeat(8)}`;
  if (kind === 'IBFT2') return { miner: height === 0 ? NOBODY : proposer.address, nonce };
  if (vote === undefined) return { miner: NOBODY, nonce };
  return { miner: vote.candidate.address, nonce: vote.adds ? `0x${'ff'.repeat(8)}` : nonce };
}

interface Sealing {
  readonly list: Item[];
  readonly proposer: Validator;
  readonly sealers: readonly Validator[];
  readonly vote: NonNullable<IbftPlan['vote']> | null;
  readonly hashed: (extra: Uint8Array) => Promise<Uint8Array>;
}

interface Extra {
  readonly whole: Uint8Array;
  readonly hash: Uint8Array;
}

async function ibft1Extra({ list, proposer, sealers, hashed }: Sealing): Promise<Extra> {
  const extra = (seal: Item, seals: Item): Uint8Array =>
    Buffer.concat([VANITY, RLP.encode([list, seal, seals])]);
  const own = await sealOf(await digestOf(await hashed(extra(EMPTY, []))), proposer);
  const hash = await hashed(extra(own, []));
  const digest = await digestOf(Buffer.concat([hash, Buffer.of(2)]));
  return { whole: extra(own, await Promise.all(sealers.map((one) => sealOf(digest, one)))), hash };
}

async function ibft2Extra({ list, vote, sealers, hashed }: Sealing): Promise<Extra> {
  const voted: Item =
    vote === null ? EMPTY : [bytes(vote.candidate.address), Buffer.of(vote.adds ? 0xff : 0)];
  const round = Buffer.alloc(4);
  const digest = await hashed(RLP.encode([VANITY, list, voted, round]));
  const seals = await Promise.all(sealers.map((one) => sealOf(digest, one)));
  const hash = await hashed(RLP.encode([VANITY, list, voted]));
  return { whole: RLP.encode([VANITY, list, voted, round, seals]), hash };
}
