// Appends, settles and rolls back blocks of a store until it is killed; prints each height once it was acknowledged.
import { writeSync } from 'node:fs';
import { account, documentFrames, fixtureBatch, refOf } from '../../src/testing/fixture-frames.js';
import { tilesWithin } from '../../src/testing/fixture-tiles.js';
import { levelAt } from './storage-disk.js';
import { kindAt } from './storage-tiles-blocks.js';

const [location = ''] = process.argv.slice(2);
const store = levelAt(location);
await store.open();
writeSync(1, `open ${store.checkpoint().head?.height ?? -1}\n`);

for (let round = 0; ; round++) {
  const { head } = store.checkpoint();
  const from = head === null ? 0 : head.height + 1;
  const kinds = Array.from({ length: 1 + (round % 5) }, (_, at) => kindAt(from + at));
  const frames = documentFrames(kinds, { on: head });
  const changes = frames.map(({ header }) => [account('last', `${header.height}`)]);
  // Half of the rounds bring tiles whole, of which some are cut so and some are not.
  const tiles = round % 2 === 0 ? tilesWithin(frames) : [];
  await store.commit({ ...fixtureBatch(frames, changes), tiles });
  const [first] = frames;
  writeSync(1, `${store.checkpoint().head?.height ?? -1}\n`);
  // Tiles are being made while blocks are added and dropped; each third round waits for them.
  const settling = store.tiles?.settle(store.checkpoint().head?.height ?? -1);
  if (round % 3 === 0) await settling;
  else void settling?.catch(() => undefined);
  if (round % 4 === 3 && frames.length > 1 && first !== undefined) {
    writeSync(1, `back ${first.header.height}\n`);
    await store.rollback(refOf(first));
  }
}
