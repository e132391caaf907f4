import type { Breakage } from '../broken-storage.js';
import { checkStore } from '../checks.js';
import { clientOptions, finished, serve, startClient } from '../client.js';
import { SmallRoom } from '../disk.js';
import { acknowledgedIn, readJournal } from '../journal.js';
import { must, type Row } from '../row.js';
import type { Site } from '../site.js';
import { makeSource } from '../source.js';

const BLOCKS = 4_000;
const BYTES = 5_000;

async function full(site: Site, broken: Breakage | null): Promise<readonly string[]> {
  const source = await makeSource(site, BLOCKS, BYTES);
  const url = await serve(site, source);
  const room = new SmallRoom(site, 8);
  const options = { ...clientOptions(site, url), location: `${room.path}/node`, broken };
  const told = { hasState: broken === null };

  const first = await startClient(site, options).ended;
  const [life] = readJournal(options.journal);
  const acknowledged = acknowledgedIn(readJournal(options.journal));
  if (broken === null) {
    must(life?.end === 'STORE_FULL', `the client ended with ${life?.end ?? 'nothing'}`);
    must(first.code === 1, `the exit status was ${first.code ?? 'none'}`);
  }
  const again = site.program(['sync', '--peer', url, '--data', options.location]);
  const code = await again.exited;
  const codes = again.lines.filter(({ event }) => event === 'error').map((line) => String(line['code']));
  must(
    code === 1 && codes.join() === 'STORE_FULL',
    `opened while full: status ${code ?? 'none'}, ${codes.join()}`,
  );

  room.grow(256);
  const { head } = await checkStore(options.location, source, {
    lives: readJournal(options.journal),
    ...told,
  });
  await finished(startClient(site, options), options, source);
  return [
    `STORE_FULL, exit status 1 after ${acknowledged + 1} acknowledged blocks; again STORE_FULL while it is full`,
    `with room: all of them there (head ${head}), then all ${BLOCKS}`,
  ];
}

export const fullDisk: Row = {
  name: 'full-disk',
  group: 'crash',
  fault: 'the disk is full (tmpfs of 8 MiB) in the middle of a sync, and gets room later',
  bar: '`STORE_FULL` and exit status 1, also when it is started again without room; with room no acknowledged block is lost and the sync ends',
  needs: ['tmpfs'],
  inSlice: true,
  limitSeconds: 240,
  run: (site) => full(site, null),
  control: {
    broken: 'a store that takes a failed write for a good one',
    needs: [],
    run: (site) => full(site, 'deaf'),
  },
};
