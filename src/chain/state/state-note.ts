import type { Storage, StorageView } from '../../contracts/index.js';
import { SyncError } from '../../errors/index.js';

/**
 * Name of the position that stands for the state. It is in a store whose every block went through a transition, or came
 * in a snapshot together with the state after it, and says at which height that began.
 */
const CONSUMER = 'blockferry:state';

type NoteStore = Pick<Storage, 'checkpoint' | 'cursor' | 'setCursor'>;

/**
 * Checks that the state of a store agrees with its blocks, and would after one more.
 *
 * @param hasTransition - whether one is configured.
 * @returns whether the store has to be marked before the first block is added.
 * @throws SyncError `STATE_FAILED` when blocks are in the store that no transition saw, or a block would be added past it.
 */
export async function checkStateNote(storage: NoteStore, hasTransition: boolean): Promise<boolean> {
  const marked = (await storage.cursor(CONSUMER)) !== null;
  if (marked === hasTransition) return false;
  const { head, assumed } = storage.checkpoint();
  if (marked) {
    const message =
      "The store's state is kept by a state transition; without it blocks can be read, but none can be added.";
    throw new SyncError('STATE_FAILED', message);
  }
  if (head === null || head.height === assumed?.height) return true;
  const message = `The store's blocks up to ${head.height} were added without a state transition; its state needs a new store.`;
  throw new SyncError('STATE_FAILED', message, { height: head.height });
}

/** Marks a store whose first block with a state is about to be added. A crash in between leaves nothing amiss. */
export async function writeStateNote(storage: NoteStore, height: number): Promise<void> {
  await storage.setCursor(CONSUMER, { height, hash: '' });
}

/**
 * Checks that a state which came in a snapshot is still the state after the newest block.
 *
 * @throws SyncError `SNAPSHOT_UNAVAILABLE`
 */
export async function checkStateAge(storage: NoteStore, view: StorageView): Promise<void> {
  const { assumed, head } = view.checkpoint;
  if (assumed === null || head === null || head.height <= assumed.height) return;
  if ((await storage.cursor(CONSUMER)) !== null || !(await hasState(view))) return;
  const message = `The state here is that of block ${assumed.height}; the blocks after it were added without a state transition.`;
  throw new SyncError('SNAPSHOT_UNAVAILABLE', message);
}

async function hasState(view: StorageView): Promise<boolean> {
  for (const table of ['accounts', 'contracts'] as const)
    for await (const entries of view.entries(table)) if (entries.length > 0) return true;
  return false;
}
