import { setTimeout as delay } from 'node:timers/promises';
import { checkJournal, checkStore } from '../checks.js';
import { type ClientOptions, clientOptions, finished, isOpen, serve, startClient } from '../client.js';
import { FragileDisk } from '../disk.js';
import { acknowledgedIn, readJournal } from '../journal.js';
import { libraryOf } from '../needs.js';
import { must, type Row, type Scale } from '../row.js';
import type { Site } from '../site.js';
import { makeSource } from '../source.js';
import { SlowLine } from '../slow-line.js';

const BYTES = 700;
const BLOCKS_PER_SECOND = 800;

/** Cuts the power again and again while a client syncs onto the disk that loses it. */
async function losses(site: Site, rounds: number, env: NodeJS.ProcessEnv): Promise<readonly string[]> {
  const source = await makeSource(site, rounds * 400, BYTES);
  const line = await SlowLine.to(site, await serve(site, source), BLOCKS_PER_SECOND * BYTES);
  const disk = new FragileDisk(site);
  // By stream there are many commits within a moment; a tile takes longer over this line than a life lasts.
  const options: ClientOptions = {
    ...clientOptions(site, line.url),
    location: `${disk.path}/node`,
    mode: 'stream',
  };
  for (let round = 0; round < rounds; round++) {
    const client = startClient(site, options, { env });
    await isOpen(client);
    await delay(150 + ((round * 131) % 400));
    disk.losePower();
    client.child.kill('SIGKILL');
    await client.ended;
    await disk.unmount();
    disk.mount();
    const lives = readJournal(options.journal);
    await checkStore(options.location, source, { lives, hasState: true });
    checkJournal(lives, source, null);
  }
  const lives = readJournal(options.journal);
  const acknowledged = acknowledgedIn(lives);
  const busy = lives.filter(({ opened, durable }) => opened !== null && durable > opened).length;
  must(busy > rounds / 2, `blocks had come before ${busy} of ${rounds} losses only`);
  line.open();
  await finished(startClient(site, options, { env }), options, source);
  return [
    `0 of ${acknowledged + 1} acknowledged blocks lost in ${rounds} losses, ${busy} of them between commits`,
  ];
}

export const powerLoss: Row = {
  name: 'power-loss',
  group: 'crash',
  fault: 'the disk under a client that syncs by stream loses its power: what was not synced is gone',
  bar: 'after each of 50 losses no acknowledged block is lost, the store is whole and has the state of a clean replay',
  needs: ['ext4 loop mount'],
  inSlice: true,
  limitSeconds: 480,
  run: (site, scale: Scale) => losses(site, scale.pick(50, 2), {}),
  control: {
    broken: 'a client whose fsync does nothing (libeatmydata)',
    needs: ['libeatmydata'],
    run: (site) => losses(site, 2, { LD_PRELOAD: libraryOf('eatmydata') ?? '' }),
  },
};
