import { postgresStorage } from '../../plugins/storage-postgres/index.js';
import type { BlockRef } from '../../src/contracts/index.js';
import { isSyncError } from '../../src/errors/index.js';
import { fixtureBatch, fixtureFrames, refOf } from '../../src/testing/fixture-frames.js';

// Appends blocks one by one, and tells what was acknowledged, until it is killed or a write fails.
const [url = '', store = '', branch = '', durability, leaseMs = '1000'] = process.argv.slice(2);
const settings = { url, store, pool: 3, leaseMs: Number(leaseMs) };
const storage = postgresStorage({
  ...settings,
  durability: durability === 'replicated' ? durability : 'primary',
}).create();
await storage.open();
let head: BlockRef | null = storage.checkpoint().head;
try {
  for (;;) {
    const frames = fixtureFrames(1, { on: head, branch, bytes: 20_000 });
    await storage.commit(fixtureBatch(frames));
    head = refOf(frames[0] as (typeof frames)[number]);
    process.send?.({ head });
  }
} catch (error) {
  process.send?.({ code: isSyncError(error) ? error.code : String(error) });
}
process.disconnect();
