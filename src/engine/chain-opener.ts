import type { PeerStatus } from '../contracts/index.js';
import type { Chain } from '../chain/chain.js';
import { chainOf, checkStored } from '../chain/open-store.js';
import type { EngineParts, EngineSettings } from './engine-parts.js';
import { checkPeerChain, chooseRules } from './handshake.js';

/** What opening a chain works with. */
export interface ChainOpenerDeps {
  readonly settings: EngineSettings;
  readonly parts: EngineParts;
  /** Runs once, when the chain's rules are known and the chain is open. */
  onChain(chain: Chain): void;
}

/** Opens the chain of a run once its rules are known, and checks that peers serve the same one. */
export class ChainOpener {
  readonly #deps: ChainOpenerDeps;
  #chain: Chain | null = null;

  constructor(deps: ChainOpenerDeps) {
    this.#deps = deps;
  }

  /** The open chain. */
  get chain(): Chain {
    if (this.#chain === null) throw new TypeError('The chain is not open.');
    return this.#chain;
  }

  /** The name that blocks are compared with; `null` while there is none. */
  get chainId(): string | null {
    return this.#chain?.chainId() ?? null;
  }

  /** Whether the chain can be opened before a peer is asked: a snapshot goes into a store that no chain is open on. */
  get isKnown(): boolean {
    const { parts, settings } = this.#deps;
    const { mode } = settings;
    const isEmpty = parts.storage.checkpoint().head === null;
    if (parts.snapshots !== null && (mode === 'snapshot' || (mode === 'auto' && isEmpty))) return false;
    return settings.chain !== null || parts.storage.identity() !== null;
  }

  /** Looks at a store before a peer is asked, who can't be blamed for it. @throws SyncError as {@link checkStored} */
  async checkStore(): Promise<void> {
    const { parts, settings } = this.#deps;
    const rules = settings.chain ?? parts.storage.identity()?.chain ?? null;
    if (rules !== null) await checkStored(parts, await parts.rules(rules), settings);
  }

  /** Opens the chain unless it is open. @param status - of a peer, whose word on the rules may be taken */
  async open(status: PeerStatus | null): Promise<Chain> {
    if (this.#chain !== null) return this.#chain;
    const { parts, settings } = this.#deps;
    const chain = chainOf(parts, settings, await parts.rules(this.#rulesId(status)));
    await chain.checkStore();
    this.#chain = chain;
    this.#deps.onChain(chain);
    return chain;
  }

  /**
   * A peer of another chain is not asked for anything else.
   *
   * @throws SyncError `CHAIN_MISMATCH`
   */
  check(status: PeerStatus): void {
    checkPeerChain(status, this.#chain?.chain ?? this.#rulesId(status), this.#certainChainId);
  }

  /** Checks a peer, and takes over its name of the chain while the store is empty. @throws SyncError `CHAIN_MISMATCH` */
  adopt(status: PeerStatus): void {
    this.check(status);
    if (status.chainId !== null) this.#chain?.adoptChainId(status.chainId);
  }

  #rulesId(status: PeerStatus | null): string {
    const { parts, settings } = this.#deps;
    const { adoptableRules: adoptable } = parts;
    return chooseRules({ configured: settings.chain, identity: parts.storage.identity(), adoptable }, status);
  }

  /** The chain's name as far as it is more than a peer's word; `null` when it is not. */
  get #certainChainId(): string | null {
    const { parts, settings } = this.#deps;
    return settings.chainId ?? parts.storage.identity()?.chainId ?? null;
  }
}
