import { createReadStream, existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { createGunzip } from 'node:zlib';
import { seal, SEALED_JSON_GENESIS } from '../plugins/chain-sealed-json/index.js';

/** Seen from `dist/bench`; `BLOCKFERRY_DATA` points elsewhere. */
const DATA =
  process.env['BLOCKFERRY_DATA'] ?? fileURLToPath(new URL('../../../shared/data', import.meta.url));

/** A reproducible chain to measure with. */
export interface Workload {
  readonly name: string;
  readonly title: string;
  readonly chain: string;
  /** File of real input it is made from. */
  readonly file: string;
  documents(): AsyncIterable<Uint8Array>;
}

/** Whether a workload's input is on this machine. */
export function isAvailable(workload: Workload): boolean {
  return existsSync(workload.file);
}

const ETHEREUM = join(DATA, 'ethereum', 'eth-mainnet-0-8191.ndjson.gz');
const BUNDLES = join(DATA, 'healthcare', 'synthea-stu3-80kb-120kb.ndjson.gz');

/** The workloads, by name. */
export const WORKLOADS: readonly Workload[] = [
  {
    name: 'ethereum',
    title: '8,192 Ethereum blocks of 1.7 KB',
    chain: 'ethereum',
    file: ETHEREUM,
    documents: () => lines(ETHEREUM),
  },
  {
    name: 'healthcare',
    title: '2,000 healthcare blocks of 97 KB',
    chain: 'sealed-json',
    file: BUNDLES,
    documents: () => healthcare(2000),
  },
  {
    name: 'healthcare-10000',
    title: '10,000 healthcare blocks of 97 KB',
    chain: 'sealed-json',
    file: BUNDLES,
    documents: () => healthcare(10_000),
  },
];

async function* lines(file: string): AsyncGenerator<Uint8Array> {
  const input = createReadStream(file).pipe(createGunzip());
  for await (const line of createInterface({ input, crlfDelay: Infinity })) {
    if (line !== '') yield Buffer.from(line);
  }
}

/** Block i keeps bundle i mod 423 as its one record. */
async function* healthcare(count: number): AsyncGenerator<Uint8Array> {
  const bundles: Uint8Array[] = [];
  for await (const bundle of lines(BUNDLES)) bundles.push(bundle);
  let previousHash = SEALED_JSON_GENESIS;
  for (let height = 0; height < count; height++) {
    const head = Buffer.from(`{"timestamp":${1_700_000_000_000 + height * 1000},"records":[`);
    const bundle = bundles[height % bundles.length] ?? new Uint8Array();
    const { document, hash } = seal(Buffer.concat([head, bundle, Buffer.from(']}')]), {
      height,
      previousHash,
    });
    previousHash = hash;
    yield document;
  }
}
