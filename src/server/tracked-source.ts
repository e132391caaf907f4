import type {
  AbortOptions,
  BlockHeader,
  BlockRange,
  BlockSource,
  ChainChange,
  ChainTip,
  Frame,
  StorageLag,
  StorageView,
} from '../contracts/index.js';

/** A source that knows which reads are under way, so that a server that closes can wait for them. */
export class TrackedSource implements BlockSource {
  readonly view?: () => Promise<StorageView>;
  readonly tiles: NonNullable<BlockSource['tiles']> | null;
  readonly #source: BlockSource;
  #underWay = 0;
  #onIdle: (() => void) | null = null;

  constructor(source: BlockSource) {
    this.#source = source;
    this.tiles = this.#trackedTiles(source.tiles ?? null);
    if (source.view !== undefined) this.view = () => this.#track(source.view?.() ?? Promise.reject(noView()));
  }

  get chain(): string {
    return this.#source.chain;
  }

  get proves(): NonNullable<BlockSource['proves']> | null {
    return this.#source.proves ?? null;
  }

  get authorship(): NonNullable<BlockSource['authorship']> | null {
    return this.#source.authorship ?? null;
  }

  chainId(): string | null {
    return this.#source.chainId();
  }

  tip(): ChainTip {
    return this.#source.tip();
  }

  storedAs(): string | null {
    return this.#source.storedAs?.() ?? null;
  }

  lag(): StorageLag | null {
    return this.#source.lag?.() ?? null;
  }

  header(height: number): Promise<BlockHeader | null> {
    return this.#track(this.#source.header(height));
  }

  read(range: BlockRange, options?: AbortOptions): AsyncIterable<readonly Frame[]> {
    const frames = this.#source.read(range, options);
    return { [Symbol.asyncIterator]: () => this.#iterator(frames[Symbol.asyncIterator]()) };
  }

  subscribe(listener: (change: ChainChange) => void): () => void {
    return this.#source.subscribe(listener);
  }

  /** Resolves when no read is under way; `false` when one still is after that time. */
  idle(withinMs: number): Promise<boolean> {
    if (this.#underWay === 0) return Promise.resolve(true);
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, withinMs, false);
      this.#onIdle = () => {
        clearTimeout(timer);
        resolve(true);
      };
    });
  }

  #trackedTiles(tiles: TrackedSource['tiles']): TrackedSource['tiles'] {
    if (tiles === null) return null;
    return {
      at: (height) => this.#track(tiles.at(height)),
      list: (range) => this.#track(tiles.list(range)),
      body: (tile) => this.#track(tiles.body(tile)),
      free: (body) => tiles.free?.(body),
    };
  }

  #iterator(inner: AsyncIterator<readonly Frame[]>): AsyncIterator<readonly Frame[]> {
    return {
      next: () => this.#track(inner.next()),
      return: async () => {
        const returned = inner.return?.();
        if (returned !== undefined) await this.#track(returned);
        return { done: true, value: undefined };
      },
    };
  }

  #track<T>(promise: Promise<T>): Promise<T> {
    const settled = (): void => {
      this.#underWay -= 1;
      if (this.#underWay === 0) this.#onIdle?.();
    };
    this.#underWay += 1;
    promise.then(settled, settled);
    return promise;
  }
}

function noView(): TypeError {
  return new TypeError('The source gives no view any more.');
}
