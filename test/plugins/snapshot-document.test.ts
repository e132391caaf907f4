import { createHash } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { readDocument } from '../../plugins/transport-snapshot/client/index.js';
import type { SnapshotItem, SnapshotManifest } from '../../src/contracts/index.js';
import type { SyncError } from '../../src/errors/index.js';
import { sealedChain } from '../helpers/sealed-chain.js';
import {
  blocksOf,
  collect,
  makeSnapshot,
  plainBlocks,
  stateOf,
  writeDocument,
  type SnapshotInput,
} from './snapshot-client-support.js';

interface ReadOutcome {
  readonly items: SnapshotItem[];
  readonly error: SyncError | null;
}

interface ReadInput {
  readonly manifest?: SnapshotManifest | null;
  readonly maxBlockBytes?: number;
  readonly maxDocumentBytes?: number;
}

async function read(chunks: Iterable<Uint8Array>, input: ReadInput = {}): Promise<ReadOutcome> {
  const { manifest = null, maxBlockBytes = 1e6, maxDocumentBytes = 1e9 } = input;
  const items: SnapshotItem[] = [];
  const options = { manifest, maxBlockBytes, maxDocumentBytes };
  const error = await collect(readDocument(asynchronous(chunks), options), items);
  return { items, error };
}

async function* asynchronous(chunks: Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) {
    await Promise.resolve();
    yield chunk;
  }
}

function* cut(document: Buffer, sizes: readonly number[]): Generator<Uint8Array> {
  let at = 0;
  for (let index = 0; at < document.length; index++) {
    const size = sizes[index % sizes.length] ?? document.length;
    yield document.subarray(at, at + size);
    at += size;
  }
}

/** Writes the hash anew, so that only the form can be wrong. */
function rehash(text: string): Buffer {
  const [, covered = '', rest = ''] = /^(.*),"hash":"[0-9a-f]{64}"(.*)$/s.exec(text) ?? [];
  const hash = createHash('sha256').update(covered).digest('hex');
  return Buffer.from(`${covered},"hash":"${hash}"${rest}`);
}

async function refused(
  t: ExecutionContext,
  document: Buffer,
  message: RegExp,
  input: ReadInput = {},
): Promise<void> {
  for (const sizes of [[document.length], [7]]) {
    const { items, error } = await read(cut(document, sizes), input);
    t.is(error?.code, 'SNAPSHOT_CORRUPT', `${error?.message} for ${document.toString('utf8', 0, 300)}`);
    t.regex(error?.message ?? '', message);
    t.false(items.some(({ kind }) => kind === 'end'));
  }
}

const state: SnapshotInput = {
  accounts: [
    ['', 'null'],
    ['__proto__', '{"a":[1.0,true]}'],
    ['a"\\\u0001', '"x"'],
    ['z', '6.0'],
    ['é', '{}'],
    ['￿', '[]'],
    ['😀', '-0'],
  ],
  contracts: [['k', '{"code":"]}{["}']],
};

test('a document comes out byte for byte, in whatever pieces it came', async (t) => {
  const blocks = sealedChain(20);
  const { manifest, document } = makeSnapshot({ ...state, blocks });
  for (const sizes of [[document.length], [1], [2], [1000], [0, 3, 0, 500]]) {
    const { items, error } = await read(cut(document, sizes), { manifest });
    t.is(error, null);
    t.deepEqual(
      blocksOf(items),
      blocks.map((block) => Buffer.from(block)),
    );
    t.deepEqual(stateOf(items, 'accounts'), state.accounts as [string, string][]);
    t.deepEqual(stateOf(items, 'contracts'), state.contracts as [string, string][]);
    t.deepEqual(items.at(-1), { kind: 'end', signer: '02ab', signature: 'cd' });
    t.is(items.filter(({ kind }) => kind === 'end').length, 1);
  }
});

test('any state and blocks come out of any pieces', async (t) => {
  const json = fc.json({ maxDepth: 4 });
  const table = fc.uniqueArray(fc.tuple(fc.string({ unit: 'grapheme', maxLength: 8 }), json), {
    selector: ([key]) => key,
    maxLength: 8,
  });
  const object = fc.dictionary(fc.string({ unit: 'grapheme', maxLength: 5 }), fc.jsonValue());
  const sorted = (entries: [string, string][]): [string, string][] =>
    entries.sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  await fc.assert(
    fc.asyncProperty(
      table,
      table,
      fc.array(object, { minLength: 1, maxLength: 6 }),
      fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 10 }),
      async (accounts, contracts, objects, sizes) => {
        const blocks = objects.map((each) => Buffer.from(JSON.stringify(each)));
        const input = { accounts: sorted(accounts), contracts: sorted(contracts), blocks };
        const { manifest, document } = makeSnapshot(input);
        const { items, error } = await read(cut(document, sizes), { manifest });
        t.is(error, null);
        t.deepEqual(blocksOf(items), blocks);
        t.deepEqual(stateOf(items, 'accounts'), input.accounts);
        t.deepEqual(stateOf(items, 'contracts'), input.contracts);
      },
    ),
    { numRuns: 200 },
  );
});

test('a document without a manifest has to agree with itself', async (t) => {
  const { document } = writeDocument(state);
  t.is((await read([document])).error, null);
  const text = document.toString();
  const changed = Buffer.from(text.replace('"a":[1.0', '"a":[2.0'));
  await refused(t, changed, /its bytes have the hash/);
});

test('items have about a mebibyte, and a block that is larger comes alone', async (t) => {
  const blocks = [...plainBlocks(40, 100_000), ...plainBlocks(1, 3_000_000), ...plainBlocks(3)];
  const { document } = writeDocument({ blocks });
  const { items, error } = await read(cut(document, [900_000]), { maxBlockBytes: 4_000_000 });
  t.is(error, null);
  const sizes = items.flatMap((item) =>
    item.kind === 'blocks' ? [item.documents.reduce((sum, { length }) => sum + length, 0)] : [],
  );
  t.true(sizes.length >= 5);
  t.deepEqual(sizes.filter((size) => size > 1_300_000).length, 1);
  t.is(
    sizes.at(-1),
    blocks.slice(-3).reduce((sum, { length }) => sum + length, 0),
  );
});

test('every member of the head has to be what the manifest says', async (t) => {
  const { manifest, document } = makeSnapshot();
  const others: Partial<SnapshotManifest>[] = [
    { height: 5 },
    { base: 1 },
    { chainId: 'd' },
    { chain: 'linked' },
    { type: 'full' },
    { timestamp: 1 },
  ];
  for (const other of others) {
    const [name = ''] = Object.keys(other);
    await refused(t, document, new RegExp(`its ${name} is .* the manifest says`), {
      manifest: { ...manifest, ...other },
    });
  }
  await refused(t, document, /the manifest says/, { manifest: { ...manifest, hash: '0'.repeat(64) } });
  await refused(t, document, /the manifest says/, {
    manifest: { ...manifest, rawSize: manifest.rawSize + 1 },
  });
});

test('another form of the document is refused, also when its hash is right', async (t) => {
  const text = writeDocument(state).document.toString();
  const forms: [RegExp, (text: string) => string][] = [
    [/first members/, (s) => s.replace('"height":4,"base":0', '"base":0,"height":4')],
    [/first members/, (s) => s.replace('"base":0', '"base":0,"more":1')],
    [/first members/, (s) => s.replace('"base":0', '"base":0,"base":0')],
    [/first members/, (s) => s.replace('"base":0', '"base": 0')],
    [/first members/, (s) => s.replace('"base":0', '"base":0.0')],
    [/first members/, (s) => s.replace('"chainId":"c"', '"chainId":"\\u0063"')],
    [/first members/, (s) => ` ${s}`],
    [/first members are not JSON/, (s) => `\ufeff${s}`],
    [/member type/, (s) => s.replace('"type":"recent"', '"type":"newest"')],
    [/member base/, (s) => s.replace('"base":0', '"base":5')],
    [/member height/, (s) => s.replace('"height":4', '"height":-4')],
    [/member chain /, (s) => s.replace(',"chain":"sealed-json"', '')],
    [/no accounts/, (s) => s.replace('"chainId":"c"', `"chainId":"${'c'.repeat(5000)}"`)],
    [/behind accounts/, (s) => s.replace(',"contracts":[', ', "contracts":[')],
    [/behind accounts/, (s) => s.replace(/,"contracts":\[.*?\],"blocks"/, ',"blocks"')],
    [/behind accounts/, (s) => s.replace(',"contracts":[', ',"extra":[],"contracts":[')],
    [/behind contracts/, (s) => s.replace(',"blocks":[', ',"blocks" :[')],
    [/not an object/, (s) => s.replace('"blocks":[', '"blocks":[ ')],
    [/not an object/, (s) => s.replace('"blocks":[', '"blocks":[1,')],
    [/not an object/, (s) => s.replace('],"hash"', ',],"hash"')],
    [/comma is missing/, (s) => s.replace('],"hash"', ' ],"hash"')],
    [/comma is missing/, (s) => s.replace('{"key":"z"', ' {"key":"z"').replace(', {', ' ,{')],
    [/last members/, (s) => s.replace('"signer":', '"more":1,"signer":')],
    [
      /last members/,
      (s) => s.replace(',"signer":"02ab","signature":"cd"', ',"signature":"cd","signer":"02ab"'),
    ],
    [/last members/, (s) => s.replace('"signature":"cd"', '"signature":"c\\u0064"')],
    [/last members/, (s) => s.slice(0, -1)],
    [/something follows/, (s) => `${s}\n`],
    [/something follows/, (s) => `${s}${s}`],
    [/something follows/, (s) => `${s}${'x'.repeat(10_000)}`],
  ];
  for (const [message, change] of forms) {
    const changed = change(text);
    t.not(changed, text, String(change));
    await refused(t, rehash(changed), message);
  }
});

test('entries of the state have one form, and keys that ascend', async (t) => {
  const wrong: [RegExp, string][] = [
    [/is there twice/, '{"key":"a","value":1},{"key":"a","value":1}'],
    [/is there twice/, '{"key":"a","value":1},{"key":"\\u0061","value":1}'],
    [/not in order/, '{"key":"b","value":1},{"key":"a","value":1}'],
    [/not in order/, '{"key":"😀","value":1},{"key":"￿","value":1}'],
    [/not of the form/, '{"value":1,"key":"a"}'],
    [/not of the form/, '{"key":"a","value":1,"more":2}'],
    [/not of the form/, '{"key":"a","value":1,"value":1}'],
    [/not of the form/, '{"key":"a"}'],
    [/not of the form/, '{}'],
    [/not of the form/, '{"key": "a","value":1}'],
    [/not of the form/, '{"key":"a","value":1 }'],
    [/not of the form/, '{"k\\u0065y":"a","value":1}'],
    [/not a string/, '{"key":1,"value":1}'],
    [/not JSON|not well-formed/, '{"key":"a","value":01}'],
    [/not JSON|not well-formed/, '{"key":"a","value":"\\x"}'],
    [/not JSON|not well-formed/, '{"key":"a","value":"\n"}'],
    [/not well-formed/, '{"key":"a","value":[}'],
    [/not JSON|not well-formed/, '{"key":"a","value":[}]'],
    [/not JSON|not well-formed/, `{"key":"a","value":${'['.repeat(64)}${']'.repeat(64)}}`],
    [/more than 1024/, `{"key":"${'a'.repeat(1025)}","value":1}`],
    [/more than 1024/, `{"key":"${'\\u0061'.repeat(1025)}","value":1}`],
    [/more than 1024/, `{"key":"${'a'.repeat(100_000)}","value":1}`],
    [/not an object/, '1'],
    [/not an object/, ',{"key":"a","value":1}'],
  ];
  const text = writeDocument().document.toString();
  for (const table of ['accounts', 'contracts'])
    for (const [message, entries] of wrong)
      await refused(t, rehash(text.replace(`"${table}":[`, `"${table}":[${entries}`)), message);
});

test('a key that is not UTF-8 is refused', async (t) => {
  const { document } = writeDocument({ accounts: [['aé', '1']] });
  const at = document.indexOf('é') + 1;
  document[at] = 0x28;
  await refused(t, document, /not JSON/);
});

test('there are as many blocks as there are heights', async (t) => {
  const text = writeDocument().document.toString();
  const none = text.replace(/"blocks":\[.*\],"hash"/, '"blocks":[],"hash"');
  await refused(t, rehash(none), /it has 0 blocks where 5 were due/);
  await refused(t, rehash(text.replace('"height":4', '"height":5')), /it has 5 blocks where 6 were due/);
  await refused(t, rehash(text.replace('"height":4', '"height":3')), /more than 4 elements/);
});

test('a block, and a document, above its limit is refused before it is held whole', async (t) => {
  const { document } = writeDocument({ blocks: plainBlocks(2, 5000) });
  await refused(t, document, /an element of blocks has more than 5000 bytes/, { maxBlockBytes: 5000 });
  await refused(t, document, /it has more than 6000 bytes/, { maxDocumentBytes: 6000 });
  let asked = 0;
  function* endless(): Generator<Uint8Array> {
    yield Buffer.from(document.subarray(0, 3000));
    for (;;) {
      asked++;
      yield Buffer.alloc(1000, 'x');
    }
  }
  const { error } = await read(endless(), { maxBlockBytes: 50_000 });
  t.regex(error?.message ?? '', /more than 50000 bytes/);
  t.true(asked <= 50, `${asked} pieces were read`);
});

test('a document that ends too early is refused wherever it ends', async (t) => {
  const { document } = writeDocument({ ...state, blocks: plainBlocks(2, 5) });
  for (let length = 0; length < document.length; length++) {
    const { error, items } = await read([document.subarray(0, length)]);
    t.is(error?.code, 'SNAPSHOT_CORRUPT', `${length} bytes`);
    t.false(items.some(({ kind }) => kind === 'end'));
  }
});

test('every bit of a document counts', async (t) => {
  const { manifest, document } = makeSnapshot({ ...state, blocks: plainBlocks(15, 55), codec: 'identity' });
  t.true(document.length > 1900 && document.length < 2100, `${document.length} bytes`);
  const signer = document.lastIndexOf('"signer":');
  const passed: number[] = [];
  for (let bit = 0; bit < document.length * 8; bit++) {
    const at = bit >> 3;
    const flipped = Buffer.from(document);
    flipped.writeUInt8(flipped.readUInt8(at) ^ (1 << (bit & 7)), at);
    const { error, items } = await read([flipped], { manifest });
    if (error === null) {
      passed.push(at);
      t.notDeepEqual(items.at(-1), { kind: 'end', signer: '02ab', signature: 'cd' });
    } else if (error.code !== 'SNAPSHOT_CORRUPT') t.fail(`${error.code} for bit ${bit}`);
  }
  // Who signed, and how, is not under the hash: it comes out as it stands there, for the caller to check.
  const words = [...passed].filter(
    (at) => at < signer || !/[0-9a-d]/.test(String.fromCharCode(document[at] ?? 0)),
  );
  t.deepEqual(words, []);
  t.true(passed.length > 0);
});

test('the source is let go of when the reader stops early or refuses', async (t) => {
  let released = 0;
  async function* source(document: Buffer): AsyncGenerator<Uint8Array> {
    try {
      for (let at = 0; at < document.length; at += 100) {
        await Promise.resolve();
        yield document.subarray(at, at + 100);
      }
    } finally {
      released++;
    }
  }
  const { document } = writeDocument({ ...state, blocks: plainBlocks(3, 500) });
  const options = { manifest: null, maxBlockBytes: 1e6, maxDocumentBytes: 1e6 };
  for await (const item of readDocument(source(document), options)) if (item.kind === 'state') break;
  t.is(released, 1);
  document[0] = 0x5b;
  t.not(await collect(readDocument(source(document), options)), null);
  t.is(released, 2);
});
