import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Block, openChain } from '../../../src/index.js';
import { Missed, must, type Row, type Scale } from '../row.js';
import type { Running, Site } from '../site.js';

const PROGRAM = fileURLToPath(new URL('../../../examples/produce.js', import.meta.url));
const CLIENTS = 32;
const BATCH = 3;
/** The first answer to each request whose first record has such a number gets lost. */
const LOST_EVERY = 10;
const RETRY_MS = 50;

/** What a client was told, by the number of the record: the height of its block. */
type Acknowledged = Map<number, number>;

export const produceKill: Row = {
  name: 'produce-kill',
  group: 'crash',
  fault:
    'the Express example that produces is killed (SIGKILL) again and again while 32 clients post records and batches, each again until it is acknowledged, and some answers get lost',
  bar: 'after all kills the chain has each acknowledged record once, where the answer said, and nothing that was not sent; the same posted again is answered with the same blocks',
  needs: [],
  inSlice: true,
  limitSeconds: 600,
  control: {
    broken: 'clients that try again without an idempotency key',
    needs: [],
    run: (site, scale) => run(site, scale, false),
  },
  run: (site, scale) => run(site, scale, true),
};

async function run(site: Site, scale: Scale, hasKeys: boolean): Promise<readonly string[]> {
  const location = site.path('ledger');
  const kills = scale.pick(20, 3);
  const load = new Load(scale.pick(6_000, 300), hasKeys);
  let server = await start(site, location, load);
  const clients = Promise.all(Array.from({ length: CLIENTS }, () => load.client()));
  clients.catch(() => undefined);
  for (let kill = 0; kill < kills && !load.isOver; kill++) {
    // Each life has to acknowledge something, and the kill comes while others are under way.
    await Promise.race([clients, load.acknowledges(1 + ((kill * 37) % Math.ceil(load.records / kills / 2)))]);
    server.child.kill('SIGKILL');
    await server.ended;
    load.killed();
    server = await start(site, location, load);
  }
  await clients;
  const repeats = hasKeys ? await load.again() : 0;
  server.child.kill('SIGTERM');
  const { code } = await server.ended;
  must(code === 0, `the program ended with ${code ?? 'a signal'}`);
  const blocks = await check(location, load.acknowledged);
  return [
    `${load.kills} kills, ${load.retries} requests sent again; ${load.acknowledged.size} records acknowledged, ${blocks} in the chain, ${repeats} repeats answered with their blocks`,
  ];
}

async function start(site: Site, location: string, load: Load): Promise<Running> {
  const server = site.spawn([process.execPath, PROGRAM, location, '0']);
  const { stdout } = server.child;
  if (stdout === null) throw new Error('no standard output');
  for await (const line of createInterface(stdout)) {
    load.serves(line);
    // What nobody reads keeps a process from being gone.
    stdout.resume();
    return server;
  }
  throw new Error(`The program did not start: ${(await server.ended).errors}`);
}

/** Clients that post numbered records, each until it is acknowledged. */
class Load {
  readonly acknowledged: Acknowledged = new Map();
  readonly records: number;
  retries = 0;
  kills = 0;
  readonly #hasKeys: boolean;
  readonly #requests: (readonly [first: number, count: number])[] = [];
  #url = '';
  #next = 0;

  constructor(records: number, hasKeys: boolean) {
    this.records = records;
    this.#hasKeys = hasKeys;
  }

  get isOver(): boolean {
    return this.acknowledged.size >= this.records;
  }

  serves(url: string): void {
    this.#url = url;
  }

  killed(): void {
    this.kills += 1;
  }

  /** Waits until so many more records are acknowledged, or all are. */
  async acknowledges(more: number): Promise<void> {
    const wanted = Math.min(this.records, this.acknowledged.size + more);
    while (this.acknowledged.size < wanted) await sleep(1);
  }

  async client(): Promise<void> {
    while (this.#next < this.records) {
      const first = this.#next;
      const count = first % 7 === 0 ? BATCH : 1;
      this.#next += count;
      this.#requests.push([first, count]);
      const heights = await this.#until(first, count);
      for (const [index, height] of heights.entries()) this.acknowledged.set(first + index, height);
    }
  }

  /** Posts what was posted first once more. @returns how many requests that were. */
  async again(): Promise<number> {
    const first = this.#requests.slice(0, 100);
    for (const [from, count] of first) {
      const heights = await this.#until(from, count);
      for (const [index, height] of heights.entries())
        must(
          height === this.acknowledged.get(from + index),
          `record ${from + index} is in block ${height}, too`,
        );
    }
    return first.length;
  }

  async #until(first: number, count: number): Promise<readonly number[]> {
    for (let isFirst = true; ; isFirst = false) {
      const heights = await this.#post(first, count).catch((error: unknown) => {
        if (error instanceof Missed) throw error;
        return null;
      });
      const isLost = isFirst && first % LOST_EVERY === 0;
      if (heights !== null && !isLost) return heights;
      this.retries += 1;
      await sleep(RETRY_MS);
    }
  }

  /** @returns the heights of the blocks; `null` when it was refused for now. */
  async #post(first: number, count: number): Promise<readonly number[] | null> {
    const lines = Array.from({ length: count }, (_, index) => recordOf(first + index));
    const response = await fetch(`${this.#url}/records`, {
      method: 'POST',
      headers: {
        'content-type': count === 1 ? 'application/json' : 'application/x-ndjson',
        ...(this.#hasKeys ? { 'idempotency-key': `request-${first}` } : {}),
      },
      body: lines.join('\n'),
    });
    if (response.status === 503) return null;
    const text = await response.text();
    must(response.status === 200 || response.status === 201, `HTTP ${response.status}: ${text}`);
    const { blocks } = JSON.parse(text) as { blocks: readonly { height: number }[] };
    must(blocks.length === count, `${blocks.length} blocks for ${count} records`);
    return blocks.map(({ height }) => height);
  }
}

/** About 1 KB, with a number that a parser would write otherwise. */
function recordOf(number: number): string {
  return `{"number":${number},"value":1.0,"text":"${`${number} `.repeat(250).slice(0, 950)}"}`;
}

/** Reads the chain. @returns how many blocks there are. @throws Missed */
async function check(location: string, acknowledged: Acknowledged): Promise<number> {
  const chain = await openChain({ storage: { use: 'leveldb', location } });
  try {
    const head = chain.tip().head?.height ?? -1;
    const seen = new Map<number, number>();
    for await (const frames of chain.read({ from: 0, to: head }))
      for (const frame of frames) {
        const number = numberOf(chain.decode(frame));
        must(
          !seen.has(number),
          `record ${number} is in the blocks ${seen.get(number) ?? ''} and ${frame.header.height}`,
        );
        seen.set(number, frame.header.height);
      }
    for (const [number, height] of acknowledged)
      must(
        seen.get(number) === height,
        `record ${number} is in block ${seen.get(number) ?? 'none'}, not ${height}`,
      );
    must(seen.size === acknowledged.size, `${seen.size} records for ${acknowledged.size}`);
    return head + 1;
  } finally {
    await chain.close();
  }
}

function numberOf(block: Block): number {
  const text = block.text();
  const { number } = block.json() as { number: number };
  must(text.endsWith(`,${recordOf(number).slice(1)}`), `the bytes of record ${number} are others`);
  return number;
}
