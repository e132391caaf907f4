// Syncs a store, and writes down what it was told: each line is in the journal before anything else happens.
import { openSync, writeSync } from 'node:fs';
import { createSyncEngine, isSyncError } from '../../src/index.js';
import { opsTransition } from '../helpers/state-model.js';
import { brokenStorage } from './broken-storage.js';
import { forgetfulTiles } from './forgetful-tiles.js';
import type { ClientOptions } from './client.js';

const options = JSON.parse(process.argv[2] ?? '{}') as ClientOptions;
const journal = openSync(options.journal, 'a');
const write = (...words: readonly (string | number)[]): void => {
  writeSync(journal, `${words.join(' ')}\n`);
};

write('pid', process.pid);
const { url, location, broken, forgetsTiles, mode, maxBatchBlocks, idleTimeoutMs } = options;
const isBroken = broken !== null;
const engine = createSyncEngine({
  peers: [url],
  storage: broken === null ? { use: 'leveldb', location } : brokenStorage(location, broken),
  ...(forgetsTiles ? { plugins: [forgetfulTiles()] } : {}),
  ...(mode === null ? {} : { mode }),
  follow: options.follow,
  limits: { maxBatchBlocks, ...(idleTimeoutMs === null ? {} : { idleTimeoutMs }) },
  // What a broken store says it has can't be read yet.
  stateTransition: isBroken ? null : opsTransition,
});
const opened = (height: number): void => {
  write('open', height);
  // Whoever started this process waits for it.
  writeSync(1, 'open\n');
};
engine.events.subscribe((event) => {
  if (event.type === 'phase' && event.phase === 'connecting' && event.previous === 'opening')
    opened(engine.chain?.tip().head?.height ?? -1);
  if (event.type === 'checkpoint') write('durable', event.head.height);
  if (event.type === 'retry') write('retry', event.error.code, performance.now().toFixed(0));
});
process.once('SIGTERM', () => void engine.close());
try {
  if (isBroken) await engine.start();
  else
    await engine.run((block) => {
      write('block', block.height, block.hash);
    });
  write('end', 'done');
} catch (error) {
  write('end', isSyncError(error) ? error.code : String(error).replaceAll(/\s/g, '_'));
  process.exitCode = 1;
}
await engine.close();
