import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SEALED_JSON_GENESIS, seal } from '../plugins/chain-sealed-json/index.js';
import { type Chain, openChain } from '../src/index.js';
import { median } from './page.js';
import { figures, markdownTable, text } from './table.js';

const RECORDS = 1000;
const RECORD_BYTES = 1024;

/** A way to store records. */
interface ProduceWay {
  readonly name: string;
  store(chain: Chain): Promise<unknown>;
}

/** Records of 1 KB, the same each time. */
const records = Array.from({ length: RECORDS }, (_, at) =>
  Buffer.from(JSON.stringify({ at, text: `${at}-`.repeat(RECORD_BYTES).slice(0, RECORD_BYTES - 24) })),
);

const APPENDED: ProduceWay = {
  name: '`append`, sealed before, one call',
  store: (chain) => chain.append(documents()),
};
const WAYS: readonly ProduceWay[] = [
  APPENDED,
  { name: '`produce`, one call', store: (chain) => chain.produce(records) },
  {
    name: '`produce`, a call for each at once',
    store: (chain) => Promise.all(records.map((record) => chain.produce(record))),
  },
  {
    name: '`produce`, a call for each at once, with keys',
    store: (chain) =>
      Promise.all(records.map((record, at) => chain.produce(record, { idempotencyKey: `key-${at}` }))),
  },
];

let sealed: readonly Uint8Array[] | null = null;

function documents(): readonly Uint8Array[] {
  if (sealed !== null) return sealed;
  let previousHash = SEALED_JSON_GENESIS;
  sealed = records.map((record, height) => {
    const block = seal(record, { height, previousHash });
    previousHash = block.hash;
    return block.document;
  });
  return sealed;
}

/**
 * Stores 1,000 records of 1 KB in a new LevelDB store by each way, `count` times in turns. Before, each way stores them once
 * in a store that is thrown away.
 *
 * @returns the table of the medians, with the rate as a share of that of one `append`.
 */
export async function benchProduce(count: number): Promise<string> {
  documents();
  const times = WAYS.map((): number[] => []);
  for (let round = 0; round <= count; round++)
    for (const [index, way] of WAYS.entries()) {
      const ms = await timed(way);
      if (round > 0) times[index]?.push(ms);
    }
  const [appended = 0] = times.map((each) => median(each));
  const rows = WAYS.map(({ name }, index) => {
    const ms = median(times[index] ?? []);
    return [
      name,
      `${((RECORDS / ms) * 1000).toFixed(0)} blocks/s`,
      `${((appended / ms) * 100).toFixed(0)} %`,
    ];
  });
  return markdownTable([text('way'), figures('rate'), figures('of the rate of `append`')], rows);
}

async function timed(way: ProduceWay): Promise<number> {
  const location = mkdtempSync(join(tmpdir(), 'blockferry-bench-'));
  const chain = await openChain({ storage: { use: 'leveldb', location } });
  try {
    const startMs = performance.now();
    await way.store(chain);
    const ms = performance.now() - startMs;
    if (chain.tip().head?.height !== RECORDS - 1)
      throw new Error('Blocks are missing, or there are too many.');
    return ms;
  } finally {
    await chain.close();
    rmSync(location, { recursive: true, force: true });
  }
}
