import { setImmediate } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { sealedJson } from '../../plugins/chain-sealed-json/index.js';
import type {
  AbortOptions,
  BlockHeader,
  BlockRange,
  BlockSource,
  ChainChange,
  ChainTip,
  Frame,
} from '../../src/contracts/index.js';

/** Options of {@link MemorySource}. */
export interface MemorySourceOptions {
  /** Height of the first block. Default 0. */
  readonly base?: number;
  /** Codec of the stored frames. Default `gzip`. */
  readonly codec?: 'gzip' | 'identity';
  /** Blocks in one batch of `read`. Default 100. */
  readonly batch?: number;
}

const rules = sealedJson().create();

/** A stored frame of a `sealed-json` document. */
export function frameOf(document: Uint8Array, codec: 'gzip' | 'identity' = 'gzip'): Frame {
  const bytes = codec === 'gzip' ? gzipSync(document) : document;
  return { header: rules.describe(document), codec, bytes, documentBytes: document.length };
}

/** A source in memory whose chain a test can extend, roll back and make fail. */
export class MemorySource implements BlockSource {
  readonly chain = 'sealed-json';
  readonly base: number;
  /** Frames from the base on. */
  frames: Frame[] = [];
  /** Height whose read fails; `null` for none. */
  failAt: number | null = null;
  /** Heights asked for by `read`. */
  readonly reads: BlockRange[] = [];
  readonly listeners = new Set<(change: ChainChange) => void>();
  readonly #codec: 'gzip' | 'identity';
  readonly #batch: number;

  constructor(documents: readonly Uint8Array[] = [], options: MemorySourceOptions = {}) {
    this.base = options.base ?? 0;
    this.#codec = options.codec ?? 'gzip';
    this.#batch = options.batch ?? 100;
    this.frames = documents.slice(this.base).map((document) => frameOf(document, this.#codec));
  }

  chainId(): string | null {
    return this.frames[0]?.header.hash ?? null;
  }

  tip(): ChainTip {
    return { base: this.base, head: this.frames.at(-1)?.header ?? null, confirmed: null, finalized: null };
  }

  header(height: number): Promise<BlockHeader | null> {
    return Promise.resolve(this.frames[height - this.base]?.header ?? null);
  }

  async *read(range: BlockRange, options?: AbortOptions): AsyncIterable<readonly Frame[]> {
    this.reads.push(range);
    for (let from = range.from; from <= range.to; from += this.#batch) {
      await setImmediate();
      options?.signal?.throwIfAborted();
      const to = Math.min(range.to, from + this.#batch - 1);
      if (this.failAt !== null && this.failAt <= to) throw new Error(`EIO /secret/path at ${this.failAt}`);
      const frames = this.frames.slice(from - this.base, to + 1 - this.base);
      if (frames.length === 0) return;
      yield frames;
    }
  }

  subscribe(listener: (change: ChainChange) => void): () => void {
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
    };
  }

  extend(documents: readonly Uint8Array[]): void {
    const frames = documents.map((document) => frameOf(document, this.#codec));
    this.frames.push(...frames);
    this.#tell({ kind: 'extend', frames });
  }

  /** Drops the blocks above a height. */
  rollback(height: number): void {
    this.frames.length = height + 1 - this.base;
    const to = this.frames.at(-1)?.header;
    if (to === undefined) throw new TypeError('A rollback leaves at least one block.');
    this.#tell({ kind: 'rollback', to });
  }

  #tell(change: ChainChange): void {
    for (const listener of [...this.listeners]) listener(change);
  }
}
