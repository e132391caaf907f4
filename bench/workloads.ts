import { createReadStream, existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { createGunzip } from 'node:zlib';
import { seal, SEALED_JSON_GENESIS } from '../plugins/chain-sealed-json/index.js';
import { observations } from './observations.js';

/** Seen from `dist/bench`; `BLOCKFERRY_DATA` points elsewhere. */
const DATA =
  process.env['BLOCKFERRY_DATA'] ?? fileURLToPath(new URL('../../../shared/data', import.meta.url));

/** A reproducible chain to measure with. */
export interface Workload {
  readonly name: string;
  /** What its blocks are, for people: `blocks of 97 KB`. */
  readonly kind: string;
  readonly chain: string;
  readonly blocks: number;
  /** File of real input it is made from; `null` for one that is made from a seed. */
  readonly file: string | null;
  documents(): AsyncIterable<Uint8Array>;
}

/** Whether a workload's input is on this machine. */
export function isAvailable(workload: Workload): boolean {
  return workload.file === null || existsSync(workload.file);
}

/** A workload by name, cut to its first blocks where fewer are wanted; `null` for an unknown name. */
export function findWorkload(name: string, blocks: number | null = null): Workload | null {
  const found = WORKLOADS.find((each) => each.name === name);
  if (found === undefined) return null;
  const count = Math.min(found.blocks, blocks ?? found.blocks);
  return { ...found, blocks: count, documents: () => first(found.documents(), count) };
}

/** `10,000 blocks of 0.9 KB` */
export function titleOf({ blocks, kind }: Pick<Workload, 'blocks' | 'kind'>): string {
  return `${blocks.toLocaleString('en')} ${kind}`;
}

const ETHEREUM = join(DATA, 'ethereum', 'eth-mainnet-0-8191.ndjson.gz');
const BUNDLES = join(DATA, 'healthcare', 'synthea-stu3-80kb-120kb.ndjson.gz');

/** The workloads, by name. */
export const WORKLOADS: readonly Workload[] = [
  {
    name: 'ethereum',
    kind: 'Ethereum blocks of 1.7 KB',
    chain: 'ethereum',
    blocks: 8192,
    file: ETHEREUM,
    documents: () => lines(ETHEREUM),
  },
  observationsOf('sealed-900', 10_000),
  observationsOf('sealed-900-400000', 400_000),
  healthcareOf('healthcare', 2000),
  healthcareOf('healthcare-8000', 8000),
  healthcareOf('healthcare-10000', 10_000),
  healthcareOf('healthcare-40000', 40_000),
];

function observationsOf(name: string, blocks: number): Workload {
  return {
    name,
    kind: 'sealed blocks of 0.9 KB',
    chain: 'sealed-json',
    blocks,
    file: null,
    documents: () => sealed(observations(blocks)),
  };
}

function healthcareOf(name: string, blocks: number): Workload {
  return {
    name,
    kind: 'healthcare blocks of 97 KB',
    chain: 'sealed-json',
    blocks,
    file: BUNDLES,
    documents: async function* () {
      yield* sealed(bundles(await collect(lines(BUNDLES)), blocks));
    },
  };
}

async function* lines(file: string): AsyncGenerator<Uint8Array> {
  const input = createReadStream(file).pipe(createGunzip());
  for await (const line of createInterface({ input, crlfDelay: Infinity })) {
    if (line !== '') yield Buffer.from(line);
  }
}

/** Block i keeps bundle i mod 423 as its one record. */
function* bundles(from: readonly Uint8Array[], count: number): Generator<Buffer> {
  for (let height = 0; height < count; height++) {
    const head = Buffer.from(`{"timestamp":${1_700_000_000_000 + height * 1000},"records":[`);
    yield Buffer.concat([head, from[height % from.length] ?? new Uint8Array(), Buffer.from(']}')]);
  }
}

async function* sealed(payloads: Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let previousHash = SEALED_JSON_GENESIS;
  let height = 0;
  for (const payload of payloads) {
    const { document, hash } = seal(payload, { height, previousHash });
    previousHash = hash;
    height += 1;
    yield await Promise.resolve(document);
  }
}

async function* first(documents: AsyncIterable<Uint8Array>, count: number): AsyncGenerator<Uint8Array> {
  let taken = 0;
  for await (const document of documents) {
    yield document;
    taken += 1;
    if (taken === count) return;
  }
}

async function collect(documents: AsyncIterable<Uint8Array>): Promise<readonly Uint8Array[]> {
  const all: Uint8Array[] = [];
  for await (const document of documents) all.push(document);
  return all;
}
