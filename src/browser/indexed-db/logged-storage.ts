import { utf8Bytes } from '#platform/bytes';
import type {
  AbortOptions,
  BlockHeader,
  BlockRange,
  BlockRef,
  ChainIdentity,
  Checkpoint,
  CheckpointAdvance,
  CommitBatch,
  Frame,
  StateEntry,
  StateReader,
  Storage,
  StorageStage,
  StorageTiles,
  StorageView,
  StoreTable,
} from '../../contracts/index.js';
import { isSyncError, SyncError } from '../../errors/index.js';
import { planAdvance, planCommit, planRollback } from '../../internal/commit-rules.js';
import { WriteQueue } from '../../internal/write-queue.js';
import { decodeWrite, encodeWrite, type StoredWrite } from './record.js';
import type { KeyChange, Records, RecordWrite } from './records.js';

const WRITE = 'w';
const CURSOR = 'c';
const ADVANCE = 'a';
const DIGITS = 16;
const decoder = new TextDecoder();

/**
 * A store in memory whose writes are kept: each is a record, and opening the store does them again. Tiles stay compressed
 * in both.
 */
export class LoggedStorage implements Storage {
  readonly name = 'indexeddb';
  readonly directory = null;
  readonly supports = { durable: true };
  readonly tiles: StorageTiles;
  readonly #records: Records;
  readonly #memory: Storage;
  readonly #writes = new WriteQueue();
  #next = 0;
  #isOpen = false;
  /** What a write failed of: what is kept may be other than what is in memory. */
  #failure: SyncError | null = null;

  /** @param memory - new and empty. */
  constructor(records: Records, memory: Storage & { readonly tiles: StorageTiles }) {
    this.#records = records;
    this.#memory = memory;
    this.tiles = memory.tiles;
  }

  async open(options: AbortOptions = {}): Promise<void> {
    if (this.#isOpen) return;
    await this.#records.open();
    try {
      await this.#memory.open(options);
      await this.#replay();
      this.#isOpen = true;
    } catch (error) {
      await this.#records.close();
      throw isSyncError(error)
        ? error
        : new SyncError('STORE_DAMAGED', 'What the store has kept does not fit together.', { cause: error });
    }
  }

  checkpoint(): Checkpoint {
    return this.#memory.checkpoint();
  }

  identity(): ChainIdentity | null {
    return this.#memory.identity();
  }

  commit(batch: CommitBatch): Promise<void> {
    return this.#writes.run(async () => {
      const to = batch.rollbackTo;
      const found = to === null ? null : await this.#memory.header(to.height);
      const { checkpoint } = planCommit(batch, this.checkpoint(), this.identity(), found);
      await this.#write({ kind: 'commit', batch }, checkpoint);
      await this.#memory.commit(batch);
    });
  }

  rollback(to: BlockRef | null): Promise<readonly BlockRef[]> {
    return this.#writes.run(async () => {
      const found = to === null ? null : await this.#memory.header(to.height);
      await this.#write({ kind: 'rollback', to }, planRollback(to, found, this.checkpoint()));
      return this.#memory.rollback(to);
    });
  }

  advance(to: CheckpointAdvance): Promise<void> {
    return this.#writes.run(async () => {
      await this.#put({ changed: [advanceChange(planAdvance(to, this.checkpoint()))] });
      await this.#memory.advance(to);
    });
  }

  setCursor(consumer: string, ref: BlockRef): Promise<void> {
    return this.#writes.run(async () => {
      await this.#put({ changed: [[CURSOR + consumer, utf8Bytes(JSON.stringify(ref))]] });
      await this.#memory.setCursor(consumer, ref);
    });
  }

  header(height: number): Promise<BlockHeader | null> {
    return this.#memory.header(height);
  }

  get(height: number): Promise<Frame | null> {
    return this.#memory.get(height);
  }

  read(range: BlockRange, options?: AbortOptions): AsyncIterable<readonly Frame[]> {
    return this.#memory.read(range, options);
  }

  getState(table: StoreTable, key: string): Promise<Uint8Array | null> {
    return this.#memory.getState(table, key);
  }

  stateAfter(block: BlockRef): Promise<StateReader> {
    return this.#memory.stateAfter(block);
  }

  entries(table: StoreTable, options?: AbortOptions): AsyncIterable<readonly StateEntry[]> {
    return this.#memory.entries(table, options);
  }

  cursor(consumer: string): Promise<BlockRef | null> {
    return this.#memory.cursor(consumer);
  }

  view(): Promise<StorageView> {
    return this.#memory.view();
  }

  /** What takes no snapshots needs no stage. */
  stage(): Promise<StorageStage> {
    const error = this.#isOpen
      ? new TypeError('A store in a browser takes no snapshots.')
      : new SyncError('STORE_CLOSED', 'The store is not open.');
    return Promise.reject(error);
  }

  async close(): Promise<void> {
    await this.#writes.idle();
    await this.#memory.close();
    if (this.#isOpen) await this.#records.close();
    this.#isOpen = false;
  }

  /** @param checkpoint - what the store will have then. */
  async #write(write: StoredWrite, checkpoint: Checkpoint): Promise<void> {
    await this.#put({
      added: [writeKey(this.#next), encodeWrite(write)],
      changed: [advanceChange(checkpoint)],
    });
    this.#next += 1;
  }

  async #put(write: RecordWrite): Promise<void> {
    if (!this.#isOpen) throw new SyncError('STORE_CLOSED', 'The store is not open.');
    if (this.#failure !== null) throw this.#failure;
    try {
      await this.#records.write(write);
    } catch (error) {
      this.#failure = isSyncError(error) ? error : failed(error);
      throw this.#failure;
    }
  }

  async #replay(): Promise<void> {
    let advance: CheckpointAdvance | null = null;
    for await (const [key, value] of this.#records.all()) {
      if (key.startsWith(WRITE)) await this.#redo(key, value);
      else if (key.startsWith(CURSOR)) await this.#memory.setCursor(key.slice(1), refOf(value));
      else if (key === ADVANCE) advance = JSON.parse(decoder.decode(value)) as CheckpointAdvance;
    }
    if (advance !== null) await this.#memory.advance(advance);
  }

  async #redo(key: string, value: Uint8Array): Promise<void> {
    // One that is missing would only show where blocks don't fit.
    if (key !== writeKey(this.#next))
      throw new SyncError('STORE_DAMAGED', `The store has no record ${this.#next}.`);
    this.#next += 1;
    const write = decodeWrite(value);
    if (write.kind === 'rollback') await this.#memory.rollback(write.to);
    else await this.#memory.commit(write.batch);
  }
}

function writeKey(number: number): string {
  return WRITE + String(number).padStart(DIGITS, '0');
}

function advanceChange({ confirmed, finalized }: Checkpoint): KeyChange {
  return [ADVANCE, utf8Bytes(JSON.stringify({ confirmed, finalized }))];
}

function refOf(value: Uint8Array): BlockRef {
  return JSON.parse(decoder.decode(value)) as BlockRef;
}

function failed(cause: unknown): SyncError {
  const isFull =
    cause instanceof Error && /quota|no space/i.test(`${cause.name} ${String(cause.cause)} ${cause.message}`);
  return isFull
    ? new SyncError('STORE_FULL', 'There is no room left for the store.', { cause })
    : new SyncError('STORE_IO', 'The store could not be written.', { cause });
}
