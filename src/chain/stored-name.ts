import type { ChainRules, Storage } from '../contracts/index.js';
import { SyncError } from '../errors/index.js';
import type { ChainName } from './pins.js';

/** What the name of a chain rests on. */
export interface StoredNameDeps {
  readonly storage: Pick<Storage, 'identity'>;
  readonly rules: Pick<ChainRules, 'id'>;
  /** The chain's name when the host gives one; `null` takes the store's, or a peer's word. */
  readonly chainId: string | null;
}

/** The name of the chain in a store: once it holds a block its own, before that the configured one or a peer's word. */
export class StoredName {
  readonly #deps: StoredNameDeps;
  #forEmpty: string | null;

  /** @throws SyncError `CHAIN_MISMATCH` when the store was made under other rules or for another chain. */
  constructor(deps: StoredNameDeps) {
    this.#deps = deps;
    checkIdentity(deps);
    this.#forEmpty = deps.chainId ?? deps.storage.identity()?.chainId ?? null;
  }

  /** The chain's name; `null` for an empty store whose chain nobody has named. */
  get chainId(): string | null {
    return this.#deps.storage.identity()?.chainId ?? this.#forEmpty;
  }

  /** The name that the first block gets; `null` when that is its hash. */
  get forEmpty(): string | null {
    return this.#forEmpty;
  }

  /** What blocks are checked against. */
  get forBlocks(): ChainName {
    return { chainId: this.#forEmpty, isPinned: this.#deps.chainId !== null };
  }

  /** Takes a peer's word while nothing else says it. @throws SyncError `CHAIN_MISMATCH` when it has another name. */
  adopt(chainId: string): void {
    const known = this.#deps.storage.identity()?.chainId ?? this.#deps.chainId;
    if (known !== null && known !== chainId) {
      throw new SyncError(
        'CHAIN_MISMATCH',
        `This node holds chain ${known}; the peer serves chain ${chainId}.`,
      );
    }
    this.#forEmpty = chainId;
  }
}

function checkIdentity({ storage, rules, chainId }: StoredNameDeps): void {
  const identity = storage.identity();
  if (identity === null) return;
  if (identity.chain !== rules.id) {
    const message = `The store was made with the rules ${identity.chain}, not ${rules.id}.`;
    throw new SyncError('CHAIN_MISMATCH', message);
  }
  if (chainId !== null && chainId !== identity.chainId) {
    throw new SyncError('CHAIN_MISMATCH', `The store holds chain ${identity.chainId}, not ${chainId}.`);
  }
}
