import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import test from 'ava';
import fc from 'fast-check';
import { readDocuments } from '../../src/cli/documents.js';
import type { Line } from '../../src/cli/ndjson.js';
import { ndjson, sealedChain, smallPayload } from '../helpers/sealed-chain.js';
import { tempDir } from '../helpers/temp-dir.js';
import { run } from './in-process.js';
import { storedLines } from './stores.js';

const chain = sealedChain(20);
const lines = chain.map((document) => Buffer.from(document).toString());
const plain = ndjson(chain);
const BOM = '\uFEFF';

const FORMS: Readonly<Record<string, Buffer>> = {
  'with a byte order mark': Buffer.from(BOM + lines.join('\n')),
  'with line ends of CR LF': Buffer.from(lines.map((line) => `${line}\r\n`).join('')),
  'with blank lines': Buffer.from(`\n \t\n${lines.join('\n\r\n \n')}\n\n`),
  'as an array': Buffer.from(`${BOM} [\r\n${lines.join(' ,\n')}\n]\n`),
  'as gzip': gzipSync(plain),
  'as two members of gzip that are an array': Buffer.concat([
    gzipSync(`[${lines.slice(0, 9).join(',')},`),
    gzipSync(`${lines.slice(9).join(',')}]`),
  ]),
};

for (const [form, input] of Object.entries(FORMS)) {
  test(`blocks ${form} are imported byte for byte, from a file and from standard input`, async (t) => {
    const dir = tempDir(t);
    writeFileSync(join(dir, 'input'), input);
    t.is((await run(['import', '--data', join(dir, 'a'), join(dir, 'input')])).code, 0);
    t.is((await run(['import', '--data', join(dir, 'b'), '-'], input)).code, 0);
    t.true(plain.equals(await storedLines(join(dir, 'a'))));
    t.true(plain.equals(await storedLines(join(dir, 'b'))));
  });
}

async function documentsOf(chunks: readonly Uint8Array[]): Promise<(string | null)[]> {
  async function* source(): AsyncGenerator<Uint8Array> {
    for (const chunk of chunks) yield await Promise.resolve(chunk);
  }
  const found: Line[] = [];
  for await (const batch of readDocuments(source(), { name: 'input', maxBytes: 10_000 }))
    found.push(...batch);
  return found.map((line) => (line === null ? null : Buffer.from(line).toString()));
}

test('the documents are the same however the bytes of any form are cut into chunks', async (t) => {
  const form = fc.constantFrom(...Object.values(FORMS));
  await fc.assert(
    fc.asyncProperty(form, fc.array(fc.nat(3000), { maxLength: 12 }), async (bytes, cuts) => {
      const ends = [...cuts.map((cut) => Math.min(cut, bytes.length)), bytes.length].sort((a, b) => a - b);
      const chunks = ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end));
      t.deepEqual(await documentsOf(chunks), lines);
    }),
    { numRuns: 60 },
  );
  t.deepEqual(await documentsOf([]), []);
  t.deepEqual(await documentsOf([Buffer.from('\uFEFF')]), []);
  t.deepEqual(await documentsOf([Buffer.from(' [ ] ')]), []);
  t.deepEqual(await documentsOf([Buffer.from('[]')]), [], 'shorter than a byte order mark');
  t.deepEqual(await documentsOf([Buffer.from('['), Buffer.from(']')]), []);
  t.deepEqual(await documentsOf([Buffer.from('{}')]), ['{}']);
  t.deepEqual(await documentsOf([Buffer.from(' \n')]), []);
});

const REFUSED: readonly (readonly [what: string, input: Buffer, message: RegExp])[] = [
  ['bzip2', Buffer.from('BZh91AY&SY'), /^INPUT_MALFORMED: standard input is bzip2, .+ what `bzcat` writes/],
  ['xz', Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]), /is xz, .+xzcat/],
  ['UTF-16', Buffer.from(`${BOM}${lines[0] ?? ''}`, 'utf16le'), /is UTF-16, .+iconv/],
  ['a gzip that is cut off', gzipSync(plain).subarray(0, 200), /The gzip of standard input is damaged/],
  [
    'a document over several lines',
    Buffer.from(JSON.stringify({ a: [1] }, null, 2)),
    /several lines.+jq -c '\.'/,
  ],
  ['such documents in an array', Buffer.from('[{"a":\n1}]'), /several lines.+jq -c '\.\[\]'/],
  ['an array of numbers', Buffer.from('[1,2]'), /no element of an array of objects/],
  ['an array that does not end', Buffer.from(`[${lines[0] ?? ''},`), /does not end; it has 1 whole/],
];

for (const [what, input, message] of REFUSED) {
  test(`${what} is refused with a message that says what it is`, async (t) => {
    for (const args of [
      ['import', '--data', join(tempDir(t), 'a'), '-'],
      ['seal', '-'],
    ]) {
      const { code, stderr } = await run(args, input);
      t.is(code, 1);
      t.regex(stderr.split('\n')[0] ?? '', message);
    }
  });
}

test('an import that is run again compares what is there, leaves it out and goes on; a difference is named', async (t) => {
  const data = join(tempDir(t), 'a');
  t.is((await run(['import', '--data', data, '-'], ndjson(chain.slice(0, 12)))).code, 0);
  const again = await run(['import', '--data', data, '-'], plain);
  t.is(again.code, 0);
  t.regex(again.stdout.toString() + again.stderr, /Imported 8 blocks, 12 blocks were there already/);
  t.true(plain.equals(await storedLines(data)));
  const middle = await run(['import', '--data', data, '-'], ndjson(chain.slice(5, 9)));
  t.is(middle.code, 0);
  const others = sealedChain(25, (height) => (height < 7 ? smallPayload(height) : { other: height }));
  const differs = await run(['import', '--data', data, '-'], ndjson(others));
  t.is(differs.code, 1);
  t.regex(
    differs.stderr,
    /^CHAIN_MISMATCH: Block \d+ of the input is [0-9a-f]{64}, and the store has [0-9a-f]{64}/,
  );
  t.true(plain.equals(await storedLines(data)));
});

test('seal takes records with names of a block, and --wrap puts each in as a member', async (t) => {
  const records = ['{"resourceType":"Media","height":480.0}', '{"value":1.0}', '{"record":1}'];
  const payloads = (output: Buffer): readonly string[] =>
    output
      .toString()
      .trimEnd()
      .split('\n')
      .map((line) => line.slice(line.indexOf('"previousHash"') + 81));
  const sealed = await run(['seal'], Buffer.from(records.join('\r\n')));
  t.is(sealed.code, 0);
  t.deepEqual(payloads(sealed.stdout), [
    `,"record":${records[0] ?? ''}}`,
    ',"value":1.0}',
    ',"record":{"record":1}}',
  ]);
  const wrapped = await run(['seal', '--wrap', 'resource'], Buffer.from(`[${records.join(',')}]`));
  t.deepEqual(
    payloads(wrapped.stdout),
    records.map((record) => `,"resource":${record}}`),
  );
  t.is((await run(['import', '--data', join(tempDir(t), 'a'), '-'], wrapped.stdout)).code, 0);
  const { code, stderr } = await run(['seal', '--wrap', 'height'], Buffer.from('{}'));
  t.is(code, 2);
  t.regex(stderr, /--wrap/);
});

test('a new file system with its lost+found takes a store', async (t) => {
  const data = join(tempDir(t), 'disk');
  mkdirSync(join(data, 'lost+found'), { recursive: true });
  t.is((await run(['import', '--data', data, '-'], plain)).code, 0);
  t.true(plain.equals(await storedLines(data)));
});
