import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { openChain } from '../../../src/index.js';
import { createSyncServer } from '../../../src/server/create-server.js';
import { nodeListener } from '../../../src/server/node.js';
import { until } from '../../helpers/waiting.js';
import { checkJournal, checkStore } from '../checks.js';
import { clientOptions, finished, isOpen, startClient } from '../client.js';
import { type Life, readJournal } from '../journal.js';
import { must, type Row, type Scale } from '../row.js';
import type { Site } from '../site.js';
import { SlowLine } from '../slow-line.js';
import { makeSource, type Source } from '../source.js';

const TILE_BLOCKS = 1024;
const TEXT_BYTES = 60;
/** So that a life takes some tiles, and is in the middle of others. */
const BYTES_PER_SECOND = 1_500_000;
const TILE_FILE = /\/tiles\/.*\/([0-9]{16})-([0-9]{16})-/;
/** Tiles of this source that have room in 32 MiB, by their documents, bodies and headers: no more are on their way at once. */
const MOST_ON_THEIR_WAY = 64;

/** A server of a source that notes which tiles it is asked for. */
interface TileServer {
  readonly url: string;
  /** First and last heights, since this was asked for last. */
  asked(): readonly (readonly [from: number, to: number])[];
}

async function serveTiles(site: Site, { location }: Source): Promise<TileServer> {
  const chain = await openChain({ storage: { use: 'leveldb', location } });
  site.defer(() => chain.close());
  await chain.tilesMade();
  const server = createSyncServer({ source: chain });
  site.defer(() => server.close({ graceMs: 0 }));
  let asked: (readonly [number, number])[] = [];
  const answer = nodeListener(server);
  const http = createServer((request, response) => {
    const [, from, to] = TILE_FILE.exec(request.url ?? '') ?? [];
    if (from !== undefined) asked.push([Number(from), Number(to)]);
    answer(request, response);
  }).listen(0, '127.0.0.1');
  await once(http, 'listening');
  site.defer(() => {
    http.closeAllConnections();
    http.close();
  });
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    asked: () => {
      const since = asked;
      asked = [];
      return since;
    },
  };
}

/** What the lives of a client have asked for. */
class Asked {
  readonly #before = new Set<number>();
  /** Tiles in all, and those of a life that an earlier one had asked for. */
  tiles = 0;
  again = 0;
  mostAgain = 0;

  /** @throws Missed where a life asked for a tile that it had */
  add(asked: readonly (readonly [number, number])[], life: Life | undefined): void {
    const had = life?.opened ?? -1;
    for (const [from, to] of asked)
      must(to > had, `tile ${from}–${to} was fetched again, and the store had blocks up to ${had}`);
    const tiles = new Set(asked.map(([from]) => from));
    const again = [...tiles].filter((from) => this.#before.has(from)).length;
    must(again <= MOST_ON_THEIR_WAY, `${again} tiles were fetched again after one kill`);
    for (const from of tiles) this.#before.add(from);
    this.tiles = this.#before.size;
    this.again += again;
    this.mostAgain = Math.max(this.mostAgain, again);
  }
}

async function kills(site: Site, scale: Scale, forgetsTiles: boolean): Promise<readonly string[]> {
  const rounds = scale.pick(40, 4);
  const source = await makeSource(site, (rounds + 2) * TILE_BLOCKS + 100, TEXT_BYTES);
  const server = await serveTiles(site, source);
  const line = await SlowLine.to(site, server.url, BYTES_PER_SECOND);
  // With a state, a tile goes to the store whole where its blocks are one batch.
  const options = {
    ...clientOptions(site, `${line.url}/sync`),
    maxBatchBlocks: 2 * TILE_BLOCKS,
    forgetsTiles,
  };
  const asked = new Asked();
  let within = 0;
  for (let round = 0; round < rounds; round++) {
    const client = startClient(site, options);
    await isOpen(client);
    // The first one has a tile at least, however slow the machine is.
    if (round === 0) await until(() => (readJournal(options.journal)[0]?.durable ?? -1) >= TILE_BLOCKS - 1);
    else await delay((round * 67) % 400);
    client.child.kill('SIGKILL');
    await client.ended;
    const lives = readJournal(options.journal);
    const held = server.asked();
    within += held.length > 0 ? 1 : 0;
    asked.add(held, lives.at(-1));
    await checkStore(options.location, source, { lives, hasState: true });
    checkJournal(lives, source, null);
  }
  line.open();
  // The first one gets what is missing, and the second one has all.
  for (let round = 0; round < 2; round++) {
    const client = startClient(site, options);
    await client.ended;
    asked.add(server.asked(), readJournal(options.journal).at(-1));
    await finished(client, options, source);
  }
  must(within > 0, 'no life had asked for a tile');
  return [
    `${rounds} kills, ${within} of them after tiles were asked for: 0 tiles that the store had were fetched again, 0 acknowledged blocks lost, state as replayed`,
    `${asked.tiles} tiles in all; ${asked.again} fetched again, ${asked.mostAgain} at most after one kill: those on their way`,
  ];
}

export const killTiles: Row = {
  name: 'kill-tiles',
  group: 'crash',
  fault: 'a client is killed (SIGKILL) again and again while it takes history in tiles',
  bar: 'after each of 40 kills the store opens, is whole, and has the state of a clean replay; no tile that it had is fetched again, and of others only those on their way; then the sync ends, byte for byte',
  needs: [],
  inSlice: false,
  limitSeconds: 600,
  run: (site, scale) => kills(site, scale, false),
  control: {
    broken: 'a client that asks for tiles from the first one on after each start',
    needs: [],
    run: (site, scale) => kills(site, scale, true),
  },
};
