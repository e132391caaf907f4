import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import type { BlockRange, Frame, StoreTable, Storage, StorageView } from '../../contracts/index.js';
import { type ErrorCode, isSyncError } from '../../errors/index.js';

/** Far longer than anything here takes on a busy machine. */
const EVENTUALLY_MS = 60_000;

/** What {@link storageCompliance} tests. */
export interface StorageFixture {
  /** A new storage: not open, empty, sharing nothing with the others. */
  create(): Promise<Storage>;
  /** Closes a storage and gives a not yet open one on the same data. Called only when `supports.durable`. */
  reopen(storage: Storage): Promise<Storage>;
  /**
   * Whether the storage has `tiles`, to be tested too.
   *
   * @defaultValue `false`
   */
  readonly keepsTiles?: boolean;
  /**
   * Whether the storage has `prune`, to be tested too.
   *
   * @defaultValue `false`
   */
  readonly prunes?: boolean;
  /**
   * Other openings of a store that is shared, to be tested too. Used only when `supports.shared`.
   *
   * @defaultValue the cases of shared stores are left out
   */
  readonly shared?: SharedStores;
}

/** Openings of a store as other processes would have them, and what can happen between them. */
export interface SharedStores {
  /** Another opening that writes: not yet open, on the data of one that {@link StorageFixture.create} gave. */
  writer(storage: Storage): Promise<Storage>;
  /** Another opening that reads, by one who may do nothing else: not yet open. */
  reader(storage: Storage): Promise<Storage>;
  /** Ends the lease of the one that writes, as if nothing had been heard of it. */
  expire(storage: Storage): Promise<void>;
  /** A new storage on a line that can be cut. Absent for a store that has no line. */
  cuttable?(): Promise<CuttableStorage>;
  /** Stops what has to confirm writes until the function that it gives is called. Absent where nothing has to. */
  freeze?(storage: Storage): Promise<() => Promise<void>>;
}

/** A storage whose connections can be lost at a commit. */
export interface CuttableStorage {
  /** Not yet open. */
  readonly storage: Storage;
  /** Cuts at so many of the commits that come next: before they have happened, or before that is answered. */
  cut(how: 'before-commit' | 'after-commit', times: number): void;
  /** How many were cut. */
  cuts(): number;
  /** Ends the line. */
  end(): Promise<void>;
}

/** Opens a new storage for the step and closes it afterwards. */
export async function withStore(
  fixture: StorageFixture,
  step: (store: Storage) => Promise<void>,
): Promise<void> {
  const store = await fixture.create();
  await store.open();
  try {
    await step(store);
  } finally {
    await store.close();
  }
}

/** All frames of a read. */
export async function readAll(source: Storage | StorageView, range: BlockRange): Promise<readonly Frame[]> {
  const frames: Frame[] = [];
  for await (const batch of source.read(range)) frames.push(...batch);
  return frames;
}

/** All entries of a table, with values as text. */
export async function entriesOf(
  source: Storage | StorageView,
  table: StoreTable = 'accounts',
): Promise<readonly (readonly [key: string, value: string])[]> {
  const entries: [string, string][] = [];
  for await (const batch of source.entries(table))
    for (const { key, value } of batch) entries.push([key, Buffer.from(value).toString()]);
  return entries;
}

/** Everything that can be seen of a store, in a form that can be compared. */
export async function everything(store: Storage): Promise<object> {
  const { base, head, confirmed, finalized, assumed } = store.checkpoint();
  const frames = await readAll(store, { from: 0, to: Number.MAX_SAFE_INTEGER });
  return {
    checkpoint: {
      base,
      head: plainRef(head),
      confirmed: plainRef(confirmed),
      finalized: plainRef(finalized),
      assumed: plainRef(assumed),
    },
    identity: store.identity(),
    frames: frames.map(plain),
    accounts: await entriesOf(store, 'accounts'),
    contracts: await entriesOf(store, 'contracts'),
    produced: await entriesOf(store, 'produced'),
  };
}

/** A frame in a form that can be compared: bytes as hex, whatever class they are of. */
export function plain(frame: Frame | null): object | null {
  if (frame === null) return null;
  const { height, hash, previousHash, timestamp } = frame.header;
  const bytes = Buffer.from(frame.bytes).toString('hex');
  return {
    height,
    hash,
    previousHash,
    timestamp,
    codec: frame.codec,
    bytes,
    documentBytes: frame.documentBytes,
  };
}

function plainRef(ref: { readonly height: number; readonly hash: string } | null): object | null {
  return ref === null ? null : { height: ref.height, hash: ref.hash };
}

/** Asserts that a step fails, at once or later, with a code. */
export async function rejects(step: () => unknown, code: ErrorCode): Promise<void> {
  const wrong = (error: unknown): boolean => {
    assert.ok(isSyncError(error, code), `${code} expected, but: ${String(error)}`);
    return true;
  };
  await assert.rejects(async () => {
    await step();
  }, wrong);
}

/** Asserts that a step fails, at once or later, and that the store is afterwards as it was before. */
export async function changesNothing(store: Storage, step: () => Promise<unknown>): Promise<void> {
  const before = await everything(store);
  await step();
  assert.deepEqual(await everything(store), before);
}

/** Waits until something holds. */
export async function eventually(holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + EVENTUALLY_MS;
  while (!(await holds())) {
    assert.ok(performance.now() < deadline, `It did not come about: ${holds.toString()}`);
    await delay(5);
  }
}
