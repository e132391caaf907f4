// Appends and replaces blocks of a store until it is killed; prints each height once it was acknowledged.
import { writeSync } from 'node:fs';
import type { Frame } from '../../src/contracts/index.js';
import { account, fixtureBatch, fixtureFrames, refOf } from '../../src/testing/fixture-frames.js';
import { levelAt } from './storage-disk.js';

const [location = '', mode = 'append'] = process.argv.slice(2);
const store = levelAt(location);
await store.open();
writeSync(1, `open ${store.checkpoint().head?.height ?? -1}\n`);

if (mode === 'hold') setInterval(() => undefined, 1000);
else await append();

async function append(): Promise<never> {
  for (let round = 0; ; round++) {
    const frames = fixtureFrames(1 + (round % 7), { on: store.checkpoint().head, bytes: 20_000 });
    const changes = frames.map(({ header }) => [account('last', `${header.height}`)]);
    await store.commit(fixtureBatch(frames, changes));
    const { head } = store.checkpoint();
    writeSync(1, `${head?.height ?? -1}\n`);
    if (round % 5 === 4 && frames.length > 1 && frames[0] !== undefined) {
      const to = refOf(frames[0]);
      writeSync(1, `back ${to.height}\n`);
      await store.rollback(to);
    } else if (round % 5 === 2 && frames.length > 1 && frames[0] !== undefined) {
      await replace(frames);
    }
    await store.setCursor('c', { height: round, hash: 'aa' });
  }
}

/** Puts the same blocks in the place of the newest ones, in one batch: at no moment is the head lower. */
async function replace([first, ...rest]: readonly Frame[]): Promise<void> {
  if (first === undefined) return;
  const changes = rest.map(({ header }) => [account('last', `${header.height}`)]);
  await store.commit({ ...fixtureBatch(rest, changes), rollbackTo: refOf(first) });
  writeSync(1, `${store.checkpoint().head?.height ?? -1}\n`);
}
