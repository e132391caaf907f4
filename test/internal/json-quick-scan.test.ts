import { spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { gunzipSync } from 'node:zlib';
import test, { type ExecutionContext } from 'ava';
import { pseudoRandom } from '../../bench/random.js';
import { MAX_DEPTH, scanObject } from '../../src/internal/json/scan.js';
import { WASM } from '../../src/internal/json/wasm.js';
import { dataTest } from '../helpers/data-test.js';
import { moduleTest } from '../helpers/module-test.js';
import { sealedChain } from '../helpers/sealed-chain.js';
import { agree, bytesOf, quick, quickly, SPECIMEN, whole } from './json-quick-scan-support.js';

test('Both scans bound the depth alike', (t) => {
  for (const maxDepth of [1, 2, 3, 63, 64]) {
    for (const levels of [1, 2, 3, 62, 63, 64, 65, 66, 128, 130]) {
      for (const [open, close] of [
        ['[', ']'],
        ['{"a":', '}'],
      ] as const) {
        const deep = bytesOf(`{"a":${open.repeat(levels - 1)}0${close.repeat(levels - 1)},"b":[{}]}`);
        t.true(agree(deep, maxDepth), `${levels} of ${maxDepth}`);
        t.is(quickly(deep, maxDepth) !== null, levels <= maxDepth && maxDepth >= 3);
        const mixed = deep.toString().replaceAll(close, close === ']' ? '}' : ']');
        t.true(agree(bytesOf(mixed), maxDepth));
      }
    }
  }
});

test('A document that is too large or has too many members is left to the other scan, which takes it', (t) => {
  const long = bytesOf(`{"a":"${'x'.repeat(5_000_000)}"}`);
  const many = bytesOf(`{${Array.from({ length: 257 }, (_, at) => `"m${at}":${at}`).join(',')}}`);
  for (const bytes of [long, many]) {
    t.is(quickly(bytes, MAX_DEPTH), null);
    t.true(scanObject(bytes, whole(bytes), { maxDepth: MAX_DEPTH }, quick).count > 0);
  }
  t.is(scanObject(many, whole(many), { maxDepth: MAX_DEPTH }, quick).members.size, 257);
  const most = bytesOf(`{${Array.from({ length: 256 }, (_, at) => `"m${at}":${at}`).join(',')}}`);
  t.is(quickly(most, MAX_DEPTH)?.count, 256);
  const largest = bytesOf(`{"a":"${'x'.repeat(4 * 1024 * 1024 - 9)}"}`);
  t.not(quickly(largest, MAX_DEPTH), null);
});

test('What an earlier document left behind does not make a later one longer', (t) => {
  for (const rest of ['"}', '1}', ' }', '\\u0041"}', '}', '\x80"}', 'e5}']) {
    for (const start of ['{"a":"x', '{"a":1', '{"a":"\\', '{"a":"\\u00', '{"a":"\xe2\x82', '{"a":tr']) {
      quickly(Buffer.from(`{"a":"${'x'.repeat(40)}","b":"${rest.repeat(9)}`, 'latin1'), MAX_DEPTH);
      t.true(agree(Buffer.concat([Buffer.from(start, 'latin1'), bytesOf('}')])));
    }
  }
});

/** Fragments that make or break JSON. */
const TELLING: readonly Buffer[] = [
  ...Array.from(
    Buffer.from(
      '{}[]:,"\\/ \t\n\r0123456789-+.eEtfnu\x00\x1f\x7f\x80\xbf\xc0\xc3\xe0\xed\xf0\xf4\xff',
      'latin1',
    ),
    (byte) => Buffer.of(byte),
  ),
  ...['"a":', '\\u', '\\ud83d', '\\udc00', 'true', 'false', 'null', '[]', '{}', '""', 'é'].map(bytesOf),
];

/** Compares the scans on changes of documents that only the seed decides; the seed is in the log. */
function fuzz(t: ExecutionContext, documents: readonly Uint8Array[], runs: number): void {
  const seed = randomInt(1, 2 ** 32);
  t.log(`seed ${seed}`);
  const random = pseudoRandom(seed);
  let taken = 0;
  for (let run = 0; run < runs; run++) {
    let bytes = Buffer.from(documents[random() % documents.length] ?? SPECIMEN);
    for (let change = random() % 4; change > 0; change--) bytes = changed(bytes, random);
    if (!agree(bytes)) t.fail(`run ${run} of seed ${seed}: ${bytes.toString('base64')}`);
    taken += quickly(bytes, MAX_DEPTH) === null ? 0 : 1;
  }
  t.true(taken > runs / 10 && taken < runs, `${taken} of ${runs} were taken`);
}

function changed(bytes: Buffer, random: () => number): Buffer<ArrayBuffer> {
  const at = random() % (bytes.length + 1);
  const put = random() % 3 === 0 ? Buffer.of(random() % 256) : (TELLING[random() % TELLING.length] as Buffer);
  const from = random() % (bytes.length + 1);
  const piece = random() % 8 === 0 ? bytes.subarray(from, from + (random() % 64)) : put;
  return Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at + (random() % 3))]);
}

test('Both scans decide alike on documents that are changed at random', (t) => {
  fuzz(t, [SPECIMEN, bytesOf('{"a":1}'), bytesOf('{"a":"b","c":[{"d":"e"},{"f":-1.5e3}]}')], 20_000);
  fuzz(t, sealedChain(20), 8_000);
});

test('Both scans decide alike on random bytes between braces', (t) => {
  const seed = randomInt(1, 2 ** 32);
  t.log(`seed ${seed}`);
  const random = pseudoRandom(seed);
  let taken = 0;
  for (let run = 0; run < 20_000; run++) {
    const pieces = Array.from({ length: random() % 12 }, () => TELLING[random() % TELLING.length] as Buffer);
    const bytes = Buffer.concat([bytesOf(run % 2 === 0 ? '{' : '{"a":'), ...pieces, bytesOf('}')]);
    if (!agree(bytes)) t.fail(`run ${run} of seed ${seed}: ${bytes.toString('base64')}`);
    taken += quickly(bytes, MAX_DEPTH) === null ? 0 : 1;
  }
  t.log(`${taken} of 20000 were taken`);
  t.true(taken > 0 && taken < 20_000);
});

const linesOf = (file: string): Buffer[] => {
  const text = gunzipSync(readFileSync(file)).toString('latin1');
  return text.split('\n').flatMap((line) => (line === '' ? [] : [Buffer.from(line, 'latin1')]));
};

for (const [path, runs] of [
  ['data/ethereum/eth-mainnet-0-8191.ndjson.gz', 20_000],
  ['data/healthcare/hl7-fhir-r4-examples-clinical.ndjson.gz', 8000],
  ['data/healthcare/synthea-stu3-80kb-120kb.ndjson.gz', 300],
] as const) {
  dataTest(`Both scans decide alike on real documents, also changed at random: ${path}`, path, (t, file) => {
    const documents = linesOf(file);
    for (const document of documents) {
      t.not(quickly(document, MAX_DEPTH), null);
      t.true(agree(document));
    }
    fuzz(t, documents, runs);
  });
}

dataTest('Both scans decide alike on JSONTestSuite', 'vectors/JSONTestSuite/test_parsing', (t, folder) => {
  for (const name of readdirSync(folder)) {
    const bytes = readFileSync(join(folder, name));
    t.true(agree(bytes), name);
    for (const [start, end] of [
      ['{"v":', '}'],
      ['{"v":[', ',0]}'],
      ['{', '}'],
    ] as const)
      t.true(agree(Buffer.concat([bytesOf(start), bytes, bytesOf(end)])), name);
  }
});

test('Threads have instances of their own', async (t) => {
  const module = new URL('../../src/internal/json/index.js', import.meta.url).href;
  const program = `
    const { parentPort, workerData } = require('node:worker_threads');
    import(workerData).then(({ scanDocument }) => {
      const { count } = scanDocument(new TextEncoder().encode('{"a":1,"b":[2]}'), { maxDepth: 64 });
      parentPort.postMessage(count);
    });`;
  const workers = [1, 2].map(() => new Worker(program, { eval: true, workerData: module }));
  const counts = workers.map(
    (worker) => new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject)),
  );
  t.deepEqual(await Promise.all(counts), [2, 2]);
});

test('Where WebAssembly is switched off, documents are scanned all the same', (t) => {
  const module = new URL('../../src/internal/json/index.js', import.meta.url).href;
  const program = `
    import(${JSON.stringify(module)}).then(({ scanDocument }) => {
      const scan = (text) => scanDocument(new TextEncoder().encode(text), { maxDepth: 64 });
      console.log(typeof WebAssembly, scan('{"a":1,"b":[2]}').count);
    });`;
  const { stdout } = spawnSync(process.execPath, ['--jitless', '-e', program], { encoding: 'utf8' });
  t.is(stdout, 'undefined 2\n');
});

moduleTest('The WebAssembly module is what its source gives', 'src/internal/json', WASM);
