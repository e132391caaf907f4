import { mkdir, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type AbortOptions,
  type BlockHeader,
  type BlockRange,
  type BlockRef,
  type ChainIdentity,
  type Checkpoint,
  type CheckpointAdvance,
  type CommitBatch,
  type CommitBlock,
  type Frame,
  isSyncError,
  planAdvance,
  planCommit,
  planRollback,
  PLUGIN_API_VERSION,
  type StateEntry,
  type StateReader,
  type Storage,
  type StoragePlugin,
  type StorageStage,
  type StorageView,
  type StoreTable,
  SyncError,
} from 'blockferry';
import {
  blockAt,
  checkSignal,
  entriesOf,
  frameOf,
  framesOf,
  headerAt,
  type Moment,
  without,
} from './contents.js';
import { Journal } from './journal.js';
import { after, blocksSaid, replayed, type Said, type Write } from './records.js';
import { FileStage } from './stage.js';

const LOCK = 'lock';
/** Names the journal in use. It is replaced in one step, so that new contents are in use whole or not at all. */
const CURRENT = 'current';
const JOURNAL = /^journal-(\d+)$/;

/**
 * Registers a store in files of a directory: a journal that is only added to, one durable record for each write. What is known
 * of the blocks, and the state, are in memory; the blocks' bytes are not. So it is for chains of some hundred thousand blocks.
 */
export function fileStorage(directory: string): StoragePlugin {
  if (typeof directory !== 'string' || directory === '')
    throw new TypeError('fileStorage takes the path of a directory.');
  return {
    kind: 'storage',
    name: 'files',
    apiVersion: PLUGIN_API_VERSION,
    create: () => new FileStorage(directory),
  };
}

interface Opened {
  moment: Moment;
  readonly cursors: Map<string, BlockRef>;
}

class FileStorage implements Storage {
  readonly name = 'files';
  readonly directory: string;
  readonly supports = { durable: true };
  #opened: Opened | null = null;
  #stage: FileStage | null = null;
  /** The write that was asked for last; the next one comes after it. */
  #writing: Promise<unknown> = Promise.resolve();

  constructor(directory: string) {
    this.directory = directory;
  }

  async open({ signal }: AbortOptions = {}): Promise<void> {
    checkSignal(signal);
    if (this.#opened !== null) return;
    await this.#named(() => mkdir(this.directory, { recursive: true }));
    await this.#lock();
    let journal: Journal | null = null;
    try {
      const name = await this.#currentName();
      await this.#removeOthers(name);
      journal = await this.#named(() => Journal.open(join(this.directory, name)));
      this.#opened = await replayed(journal, signal);
    } catch (error) {
      await journal?.close();
      await this.#unlock();
      throw error;
    }
  }

  checkpoint(): Checkpoint {
    return this.#use().moment.checkpoint;
  }

  identity(): ChainIdentity | null {
    return this.#use().moment.identity;
  }

  commit(batch: CommitBatch): Promise<void> {
    return this.#write(async (opened) => {
      const { rollbackTo: to, blocks } = batch;
      const { checkpoint, identity } = opened.moment;
      const found = to === null ? null : headerAt(opened.moment, to.height);
      const plan = planCommit(batch, checkpoint, identity, found);
      await this.#record(opened, { ...plan, above: to?.height ?? null, blocks });
    });
  }

  advance(to: CheckpointAdvance): Promise<void> {
    return this.#write(async (opened) => {
      const { checkpoint, identity } = opened.moment;
      await this.#record(opened, {
        checkpoint: planAdvance(to, checkpoint),
        identity,
        above: null,
        blocks: [],
      });
    });
  }

  rollback(to: BlockRef | null): Promise<readonly BlockRef[]> {
    return this.#write(async (opened) => {
      const { moment } = opened;
      const found = to === null ? null : headerAt(moment, to.height);
      const checkpoint = planRollback(to, found, moment.checkpoint);
      const above = to?.height ?? -1;
      const dropped = moment.blocks.filter(({ header }) => header.height > above).reverse();
      if (dropped.length > 0)
        await this.#record(opened, { checkpoint, identity: moment.identity, above, blocks: [] });
      return dropped.map(({ header: { height, hash } }) => ({ height, hash }));
    });
  }

  async header(height: number): Promise<BlockHeader | null> {
    return Promise.resolve(headerAt(this.#use().moment, height));
  }

  async get(height: number): Promise<Frame | null> {
    const { moment } = this.#use();
    const block = blockAt(moment, height);
    return block === null ? null : this.#named(() => frameOf(moment, block));
  }

  read(range: BlockRange, { signal }: AbortOptions = {}): AsyncIterable<readonly Frame[]> {
    return framesOf(() => this.#use().moment, range, signal);
  }

  async getState(table: StoreTable, key: string): Promise<Uint8Array | null> {
    return Promise.resolve(this.#use().moment.tables[table].get(key) ?? null);
  }

  async stateAfter(block: BlockRef): Promise<StateReader> {
    const { moment } = this.#use();
    planRollback(block, headerAt(moment, block.height), moment.checkpoint);
    const { tables } = without(moment, block.height);
    return Promise.resolve({
      getState: (table: StoreTable, key: string) => Promise.resolve(tables[table].get(key) ?? null),
    });
  }

  entries(table: StoreTable, { signal }: AbortOptions = {}): AsyncIterable<readonly StateEntry[]> {
    return entriesOf(() => this.#use().moment, table, signal);
  }

  async cursor(consumer: string): Promise<BlockRef | null> {
    return Promise.resolve(this.#use().cursors.get(consumer) ?? null);
  }

  setCursor(consumer: string, { height, hash }: BlockRef): Promise<void> {
    return this.#write(async ({ moment, cursors }) => {
      const said: Said = { kind: 'cursor', consumer, ref: { height, hash } };
      await moment.journal.append(JSON.stringify(said), new Uint8Array());
      cursors.set(consumer, said.ref);
    });
  }

  async view(): Promise<StorageView> {
    const { moment } = this.#use();
    let isClosed = false;
    const at = (): Moment => {
      if (isClosed) throw new SyncError('STORE_CLOSED', 'The view is closed.');
      moment.journal.check();
      return moment;
    };
    const close = (): Promise<void> => {
      isClosed = true;
      return Promise.resolve();
    };
    return Promise.resolve({
      checkpoint: moment.checkpoint,
      read: (range: BlockRange, { signal }: AbortOptions = {}) => framesOf(at, range, signal),
      entries: (table: StoreTable, { signal }: AbortOptions = {}) => entriesOf(at, table, signal),
      close,
    });
  }

  stage(): Promise<StorageStage> {
    return this.#write(async () => {
      if (this.#stage !== null) throw new TypeError('The store has a stage already; close that one first.');
      const current = await this.#currentName();
      await this.#removeOthers(current);
      const name = `journal-${Number(JOURNAL.exec(current)?.[1]) + 1}`;
      const journal = await Journal.open(join(this.directory, name));
      this.#stage = new FileStage(journal, {
        activate: (moment, write) => this.#write((opened) => this.#activate(opened, { name, moment, write })),
        over: () => {
          this.#stage = null;
        },
      });
      return this.#stage;
    });
  }

  async close(): Promise<void> {
    await this.#stage?.close();
    await this.#writing;
    const opened = this.#opened;
    this.#opened = null;
    if (opened === null) return;
    await opened.moment.journal.close();
    await this.#unlock();
  }

  /** Puts new contents in the place of the old ones. */
  async #activate(
    opened: Opened,
    { name, moment, write }: { readonly name: string; readonly moment: Moment; readonly write: Write },
  ): Promise<void> {
    const { journal } = moment;
    for (const [consumer, ref] of opened.cursors)
      await journal.append(
        JSON.stringify({ kind: 'cursor', consumer, ref } satisfies Said),
        new Uint8Array(),
      );
    const bytesAt = await journal.append(JSON.stringify(write), new Uint8Array());
    await this.#replaceCurrent(name);
    const old = opened.moment.journal;
    opened.moment = after(moment, write, bytesAt);
    await old.close();
    await this.#removeOthers(name);
  }

  /** Writes a record, and shows what the store is with it once that is durable. */
  async #record(
    opened: Opened,
    {
      blocks,
      ...plan
    }: Pick<Write, 'checkpoint' | 'identity' | 'above'> & { readonly blocks: readonly CommitBlock[] },
  ): Promise<void> {
    const { moment } = opened;
    const said: Write = { kind: 'write', ...plan, blocks: blocksSaid(blocks), entries: [] };
    const bytes = Buffer.concat(blocks.map(({ frame }) => frame.bytes));
    opened.moment = after(moment, said, await moment.journal.append(JSON.stringify(said), bytes));
  }

  #use(): Opened {
    if (this.#opened === null) throw new SyncError('STORE_CLOSED', 'The store is not open.');
    return this.#opened;
  }

  /** Makes a write after those before it. What is asked for before `close` is done first. */
  async #write<T>(step: (opened: Opened) => Promise<T>): Promise<T> {
    const opened = this.#use();
    const writing = this.#writing.then(() => this.#named(() => step(opened)));
    this.#writing = writing.catch(() => undefined);
    return writing;
  }

  /** Gives what the platform throws the code that the contract asks for. */
  async #named<T>(step: () => Promise<T>): Promise<T> {
    try {
      return await step();
    } catch (error) {
      if (isSyncError(error) || error instanceof TypeError) throw error;
      const { code = '' } = error as NodeJS.ErrnoException;
      const isFull = code === 'ENOSPC' || code === 'EDQUOT';
      const message = `The store at ${this.directory} failed: ${String(error)}`;
      throw new SyncError(isFull ? 'STORE_FULL' : 'STORE_IO', message, { cause: error });
    }
  }

  async #currentName(): Promise<string> {
    const path = join(this.directory, CURRENT);
    const name = await readFile(path, 'utf8').catch(() => null);
    if (name === null) await this.#replaceCurrent('journal-1');
    else if (!JOURNAL.test(name)) throw new SyncError('STORE_DAMAGED', `${path} names no journal.`);
    return name ?? 'journal-1';
  }

  async #replaceCurrent(name: string): Promise<void> {
    const path = join(this.directory, CURRENT);
    await this.#named(async () => {
      const file = await open(`${path}.new`, 'w');
      await file.writeFile(name);
      await file.sync();
      await file.close();
      await rename(`${path}.new`, path);
      // The name itself has to be durable, too.
      const directory = await open(this.directory, 'r');
      await directory.sync();
      await directory.close();
    });
  }

  /** Removes what a crash has left of new contents, or of what they replaced. */
  async #removeOthers(current: string): Promise<void> {
    for (const name of await readdir(this.directory))
      if (JOURNAL.test(name) && name !== current) await rm(join(this.directory, name), { force: true });
  }

  /** One process at a time: the lock names it, and one that is gone holds nothing. */
  async #lock(): Promise<void> {
    const path = join(this.directory, LOCK);
    try {
      await writeFile(path, String(process.pid), { flag: 'wx' });
    } catch (error) {
      const owner = Number(await readFile(path, 'utf8').catch(() => ''));
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || !isGone(owner))
        throw new SyncError('STORE_LOCKED', `${this.directory} is open in process ${owner}.`, {
          cause: error,
        });
      await rm(path, { force: true });
      await this.#lock();
    }
  }

  async #unlock(): Promise<void> {
    await rm(join(this.directory, LOCK), { force: true });
  }
}

function isGone(pid: number): boolean {
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}
