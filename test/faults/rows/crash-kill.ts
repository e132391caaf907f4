import { setTimeout as delay } from 'node:timers/promises';
import type { Breakage } from '../broken-storage.js';
import { checkJournal, checkStore } from '../checks.js';
import { clientOptions, finished, isOpen, serve, startClient } from '../client.js';
import { readJournal } from '../journal.js';
import { type Row, type Scale } from '../row.js';
import type { Site } from '../site.js';
import { makeSource } from '../source.js';
import { SlowLine } from '../slow-line.js';

const BYTES = 700;
/** Blocks that pass the line in a second, so that there is a sync to be killed. */
const BLOCKS_PER_SECOND = 200;

/** Kills a client again and again while it syncs, and looks at its store each time. */
async function kills(site: Site, scale: Scale, broken: Breakage | null): Promise<readonly string[]> {
  const rounds = scale.pick(100, 5);
  const source = await makeSource(site, rounds * 50, BYTES);
  const line = await SlowLine.to(site, await serve(site, source), BLOCKS_PER_SECOND * BYTES);
  const options = { ...clientOptions(site, line.url), broken };
  let slowestMs = 0;
  for (let round = 0; round < rounds; round++) {
    const client = startClient(site, options);
    // Sometimes while it starts, mostly once its store is open.
    if (round % 8 !== 7) await isOpen(client);
    await delay((round * 67) % 400);
    client.child.kill('SIGKILL');
    await client.ended;
    const startMs = performance.now();
    const lives = readJournal(options.journal);
    await checkStore(options.location, source, { lives, hasState: broken === null });
    checkJournal(lives, source, null);
    slowestMs = Math.max(slowestMs, performance.now() - startMs);
  }
  line.open();
  await finished(startClient(site, options), options, source);
  const lives = readJournal(options.journal);
  const cut = lives.filter(({ end, handed }) => end === null && handed.length > 0).length;
  const again = checkJournal(lives, source, null);
  return [
    `${rounds} kills, ${cut} of them after blocks had come: 0 acknowledged blocks lost, 0 gaps, state as replayed`,
    `${again} blocks handed again after a kill, as documented; opened and checked in ${slowestMs.toFixed(0)} ms at most`,
  ];
}

export const kill: Row = {
  name: 'kill',
  group: 'crash',
  fault: 'a client is killed (SIGKILL) again and again while it syncs into one store',
  bar: 'after each of 100 kills the store opens, is whole, has every acknowledged block and the state of a clean replay; then the sync ends',
  needs: [],
  inSlice: true,
  limitSeconds: 600,
  run: (site, scale) => kills(site, scale, null),
  control: {
    broken: 'a store that says “durable” before it has written',
    needs: [],
    run: (site, scale) => kills(site, scale, 'early'),
  },
};
