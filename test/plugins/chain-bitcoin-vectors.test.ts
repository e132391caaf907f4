import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { bitcoin, bitcoinDocument } from '../../plugins/chain-bitcoin/index.js';
import { assertRefused, documentOf, vectorTest, verdictOf } from '../helpers/chain-vectors.js';
import { dataTest } from '../helpers/data-test.js';
import { sharedPath } from '../helpers/shared.js';

const rules = bitcoin().create();
/** As the main chain has it. */
const strict = bitcoin({ easiestBits: '1d00ffff', members: 'known' }).create();
const FIRST = 822528;

function headerDocument(height: number, header: Buffer): Uint8Array {
  const once = createHash('sha256').update(header).digest();
  const hash = createHash('sha256').update(once).digest().reverse().toString('hex');
  return documentOf({ hash, height, header: header.toString('hex') });
}

vectorTest('Genuine blocks of a node are taken once what changes by the hour is dropped', (t, vectors) => {
  const answers = JSON.parse(vectors('answers.json').toString()) as Record<
    string,
    { height: number; hash: string }
  >;
  for (const name of ['bitcoin/regtest-113.json', 'bitcoin/testnet-2441511.json']) {
    const given = vectors(name);
    assertRefused(
      t,
      rules,
      documentOf(JSON.parse(given.toString())),
      ['BLOCK_MALFORMED', /confirmations/],
      name,
    );
    const { height = -1, hash = '' } = answers[name] ?? {};
    t.like(verdictOf(rules, bitcoinDocument(given)), { height, hash }, name);
  }
});

vectorTest(
  'Raw blocks of the main chain are taken, by their fields or by the header in hex',
  (t, vectors) => {
    const answers = JSON.parse(vectors('answers.json').toString()) as Record<string, { hash: string }[]>;
    const file = vectors('bitcoin/mainnet-0-4.blk');
    let at = 0;
    for (const [height, { hash }] of (answers['bitcoin/mainnet-0-4.blk'] ?? []).entries()) {
      const size = file.readUInt32LE(at + 4);
      const header = file.subarray(at + 8, at + 88);
      at += 8 + size;
      t.like(verdictOf(rules, documentOf({ hash, height, header: header.toString('hex') })), {
        height,
        hash,
      });
      const shown = (from: number, to: number): string =>
        Buffer.from(header.subarray(from, to)).reverse().toString('hex');
      const fields = {
        hash,
        height,
        version: header.readInt32LE(0),
        ...(height === 0 ? {} : { previousblockhash: shown(4, 36) }),
        merkleroot: shown(36, 68),
        time: header.readUInt32LE(68),
        bits: shown(72, 76),
        nonce: header.readUInt32LE(76),
      };
      t.like(verdictOf(rules, documentOf(fields)), { height, hash });
      const strict = bitcoin({ easiestBits: '1c00ffff' }).create();
      assertRefused(t, strict, documentOf(fields), ['HASH_MISMATCH', /easier than/], hash);
    }
    t.is(at, file.length);
  },
);

vectorTest('Altered blocks are refused, each for its reason', (t, vectors) => {
  const doubled = vectors('negative/testblk-3-duplicate-tx.json');
  assertRefused(t, rules, bitcoinDocument(doubled), ['HASH_MISMATCH', /CVE-2012-2459/], 'duplicate');
  const text = Buffer.from(bitcoinDocument(vectors('bitcoin/regtest-113.json'))).toString();
  const block = JSON.parse(text) as { tx: { hex: string }[] };
  const [first, second] = block.tx;
  const hexes = [first?.hex ?? '', second?.hex ?? ''] as const;
  const altered: [string, string, readonly [string, RegExp]][] = [
    [
      'hex swapped',
      text.replace(hexes[1], hexes[0]),
      ['HASH_MISMATCH', /"tx\[1\].txid" is not that of "tx\[1\].hex"/],
    ],
    ['one witness bit', text.replace('02473044', '02473045'), ['HASH_MISMATCH', /"tx\[1\].hash"/]],
    ['more after a transaction', text.replace(hexes[1], `${hexes[1]}00`), ['BLOCK_MALFORMED', /tx\[1\].hex/]],
    ['another root', text.replace('3eb919e3', '3eb919e4'), ['HASH_MISMATCH', /states the hash/]],
    [
      'a transaction less',
      text.replace(/"tx":\[\{.*?\},\{"txid":"7b/, '"tx":[{"txid":"7b'),
      ['HASH_MISMATCH', /"nTx"/],
    ],
    [
      'another count',
      text.replace('"nTx":2', '"nTx":3').replace('"nTx": 2', '"nTx": 3'),
      ['HASH_MISMATCH', /"nTx"/],
    ],
    [
      'another size',
      text.replace('"size": 477', '"size": 478').replace('"size":477', '"size":478'),
      ['HASH_MISMATCH', /"size"/],
    ],
    ['no work', text.replace('207fffff', '1d00ffff'), ['HASH_MISMATCH', /states the hash/]],
  ];
  for (const [title, changed, reason] of altered) {
    t.not(changed, text, title);
    assertRefused(t, rules, Buffer.from(changed), reason, title);
  }
  const hidden = block.tx.map(({ hex }) => ({ txid: undefined, hex: hex.replace('02473044', '02473045') }));
  const ids = (JSON.parse(text) as { tx: { txid: string }[] }).tx.map(({ txid }) => txid);
  const witness = { ...block, tx: hidden.map((one, at) => ({ ...one, txid: ids[at] })) };
  assertRefused(t, rules, documentOf(witness), ['HASH_MISMATCH', /the witnesses in "tx"/], 'witness');
  const swapped = { ...block, nTx: undefined, tx: block.tx.toReversed() };
  assertRefused(
    t,
    rules,
    documentOf(swapped),
    ['HASH_MISMATCH', /"tx" is not what "merkleroot" says/],
    'order',
  );
});

dataTest(
  '8,065 real headers of the main chain link, with their work, and so do its real stale blocks',
  'data/bitcoin/headers-mainnet-822528-830592.bin',
  (t, file) => {
    const bytes = readFileSync(file);
    const stale = sharedPath('data/bitcoin/stale-headers-822528-830592.csv') ?? '';
    let previous: string | null = null;
    const heights = new Map<string, number>();
    for (let at = 0, height = FIRST; at < bytes.length; at += 80, height++) {
      const header = bytes.subarray(at, at + 80);
      const read = strict.verify(headerDocument(height, header), { height });
      if (previous !== null) t.is(read.previousHash, previous);
      previous = read.hash;
      heights.set(read.hash, height);
    }
    t.is(heights.size, 8065);
    const rows = readFileSync(stale, 'utf8').trim().split('\n').slice(1);
    for (const row of rows) {
      const [height = '', hash = '', header = ''] = row.split(',');
      const read = strict.verify(headerDocument(Number(height), Buffer.from(header, 'hex')), { hash });
      t.is(heights.get(read.previousHash), Number(height) - 1);
    }
    t.is(rows.length, 11);
  },
);
