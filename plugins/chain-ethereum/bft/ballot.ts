import type { SealedHeader } from './extra.js';
import { type Curve, recoverAddress } from './recover.js';

/** Who has made a block: an address, or the seal from which it can be told, both in hex. */
type Maker = { readonly by: string } | { readonly seal: string; readonly digest: string };

/** What a block says, besides its own list, of those who make blocks. */
export type Ballot = Maker & {
  /** Clique: the difficulty, 2 for a signer whose turn it is. */
  readonly turn?: number;
  /** Whom its maker votes about. */
  readonly about?: string;
  readonly adds?: boolean;
};

/** Who has made a block. A seal is looked into when somebody asks: that takes milliseconds. */
export class BlockMaker {
  readonly #maker: Maker;
  readonly #curve: Curve;
  #address: string | null = null;

  constructor(maker: Maker, curve: Curve) {
    this.#maker = maker;
    this.#curve = curve;
  }

  /** Empty where the seal is none. */
  get address(): string {
    this.#address ??= addressOf(this.#maker, this.#curve);
    return this.#address;
  }
}

/** @param turn - `null` for a block that isn't one of Clique. @param by - its maker where that is known */
export function ballotText(
  { vote, proposer }: Pick<SealedHeader, 'vote' | 'proposer'>,
  turn: number | null,
  by: string | null,
): string | undefined {
  if (vote === null && turn === null) return undefined;
  const maker = by === null ? { seal: hex(proposer?.bytes), digest: hex(proposer?.digest) } : { by };
  return JSON.stringify({ ...maker, ...(turn === null ? {} : { turn }), ...vote });
}

/** Reads what {@link ballotText} has written. */
export function readBallot(text: string | undefined): Ballot | null {
  return text === undefined ? null : (JSON.parse(text) as Ballot);
}

function addressOf(maker: Maker, curve: Curve): string {
  if ('by' in maker) return maker.by;
  const found = recoverAddress(Buffer.from(maker.seal, 'hex'), Buffer.from(maker.digest, 'hex'), curve);
  return 'address' in found ? found.address : '';
}

function hex(bytes: Uint8Array | undefined): string {
  return Buffer.from(bytes ?? []).toString('hex');
}
