import type { BlockRef, ChainChange, Storage } from '../contracts/index.js';

/**
 * Runs before blocks are dropped, with their refs, newest first; what it saves is durable before the blocks are gone.
 */
export type RollbackHook = (
  to: BlockRef,
  dropped: readonly BlockRef[],
  storage: Pick<Storage, 'cursor' | 'setCursor' | 'header'>,
) => Promise<void>;

/** Who is told of a chain's changes, and when. */
export class ChainListeners {
  readonly #changes = new Set<(change: ChainChange) => void>();
  readonly #confirmed = new Set<() => void>();
  readonly #hooks = new Set<RollbackHook>();

  /** Calls a listener with each change until the returned function is called. */
  subscribe(listener: (change: ChainChange) => void): () => void {
    return added(this.#changes, listener);
  }

  /** Calls a listener whenever the confirmed block has moved without a new block, until the returned function is called. */
  onConfirmed(listener: () => void): () => void {
    return added(this.#confirmed, listener);
  }

  /** Calls a hook before each rollback until the returned function is called. */
  beforeRollback(hook: RollbackHook): () => void {
    return added(this.#hooks, hook);
  }

  /** Whether somebody wants to know which blocks a rollback is about to drop. */
  get hasHooks(): boolean {
    return this.#hooks.size > 0;
  }

  /** Blocks have come or gone. */
  tell(change: ChainChange): void {
    for (const listener of [...this.#changes]) listener(change);
  }

  /** The confirmed block has moved without a new block. */
  confirmed(): void {
    for (const listener of [...this.#confirmed]) listener();
  }

  /** Runs the hooks, one after the other. */
  async announce(...rollback: Parameters<RollbackHook>): Promise<void> {
    for (const hook of [...this.#hooks]) await hook(...rollback);
  }

  /** Nobody is told anything afterwards. */
  clear(): void {
    this.#changes.clear();
    this.#confirmed.clear();
    this.#hooks.clear();
  }
}

function added<T>(set: Set<T>, listener: T): () => void {
  set.add(listener);
  return () => {
    set.delete(listener);
  };
}
