import { createSyncEngine, type SyncEngine } from '../../src/index.js';

interface Known {
  readonly height: number;
  readonly hash: string;
}

/** A node that follows, and what its events say: a gap, a repeat or a block on none before is noted. */
export class WatchedFollower {
  readonly engine: SyncEngine;
  readonly faults: string[] = [];
  /** Codes of the peer's failures that the engine rode out. */
  readonly failures: string[] = [];
  readonly rollbacks: number[] = [];
  /** When each block came, by its hash. */
  readonly arrivals = new Map<string, number>();
  readonly #blocks: Known[] = [];
  /** Blocks that a rollback has dropped, and that must not come again. */
  readonly #dropped = new Set<string>();

  constructor(peer: string) {
    this.engine = createSyncEngine({ peers: [peer], storage: { use: 'memory' }, follow: true });
    this.engine.events.subscribe((event) => {
      if (event.type === 'block') this.#add(event.header);
      else if (event.type === 'rollback') this.#goBack(event.to, event.dropped);
      else if (event.type === 'peer' && event.error !== null) this.failures.push(event.error.code);
    });
    this.engine.start().catch((error: unknown) => {
      this.faults.push(`it has ended: ${String(error)}`);
    });
  }

  get head(): string | null {
    return this.engine.state.checkpoint?.head?.hash ?? null;
  }

  #add({ height, hash, previousHash }: Known & { readonly previousHash: string }): void {
    const last = this.#blocks.at(-1);
    if (last !== undefined && (last.height !== height - 1 || last.hash !== previousHash))
      this.faults.push(`block ${height} came behind block ${last.height}`);
    if (this.#dropped.has(hash)) this.faults.push(`block ${height} came again that was dropped`);
    this.#blocks.push({ height, hash });
    if (!this.arrivals.has(hash)) this.arrivals.set(hash, performance.now());
  }

  #goBack(to: Known, dropped: readonly Known[]): void {
    this.rollbacks.push(dropped.length);
    for (const { hash } of dropped) this.#dropped.add(hash);
    while ((this.#blocks.at(-1)?.height ?? -1) > to.height) this.#blocks.pop();
    if (this.#blocks.at(-1)?.hash !== to.hash) this.faults.push(`it went back to a block it did not have`);
  }
}
