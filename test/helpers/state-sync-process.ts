// Syncs a store with a state from a peer, in small commits, until it is done or killed; prints each durable height.
import { writeSync } from 'node:fs';
import { createSyncEngine } from '../../src/index.js';
import { opsTransition } from './state-model.js';

const [url = '', location = ''] = process.argv.slice(2);
const engine = createSyncEngine({
  peers: [url],
  storage: { use: 'leveldb', location },
  limits: { maxBatchBlocks: 7 },
  stateTransition: opsTransition,
});
engine.events.subscribe((event) => {
  if (event.type === 'checkpoint') writeSync(1, `${event.head.height}\n`);
});
await engine.start();
await engine.close();
