import { X509Certificate } from 'node:crypto';
import { fabric, fabricDocument } from '../../plugins/chain-fabric/index.js';
import { isSyncError } from '../../src/errors/index.js';
import { assertRefused, type Vectors, vectorTest, verdictOf } from '../helpers/chain-vectors.js';

const rules = fabric().create();

interface Answer {
  readonly number: number;
  readonly blockHash: string;
  readonly ordererSignatures: readonly unknown[];
}

const NAMES = [
  'basic-0',
  'basic-1',
  'basic-2',
  'basic-3',
  'basic-4',
  'basic-5',
  'businesschannel_4',
  'cluster-3',
  'smartbft-genesis-0',
];
const raw = (vectors: Vectors, name: string): Uint8Array => fabricDocument(vectors(`${name}.block`));

/** The certificates in PEM that stand in a block, as it is. */
function certificatesIn(block: Buffer): readonly string[] {
  const text = block.toString('latin1');
  const found =
    text.match(/-----BEGIN CERTIFICATE-----\n[A-Za-z0-9+/=\n]+-----END CERTIFICATE-----\n/g) ?? [];
  return [...new Set(found)];
}

vectorTest('Genuine blocks of Fabric are taken as they are, and link', (t, vectors) => {
  const answers = JSON.parse(vectors('answers.json').toString()) as Record<string, Answer>;
  const hashes: string[] = [];
  for (const name of NAMES) {
    const { number, blockHash } = answers[`fabric/${name}.block`] as Answer;
    const verdict = verdictOf(rules, raw(vectors, `fabric/${name}`));
    t.like(verdict, { height: number, hash: blockHash }, name);
    if (isSyncError(verdict)) continue;
    if (name.startsWith('basic-')) t.is(verdict.previousHash, hashes.at(-1) ?? '', name);
    hashes.push(verdict.hash);
  }
});

vectorTest(
  'The JSON of configtxlator has the hash of the block and is proved, its transactions too',
  (t, vectors) => {
    const text = vectors('fabric/businesschannel_4.configtxlator.json').toString();
    const line = Buffer.from(text.replace(/\n\s*/g, ''));
    const same = verdictOf(rules, raw(vectors, 'fabric/businesschannel_4'));
    t.deepEqual(verdictOf(rules, line), same);
    const changed = (from: string | RegExp, to: string): Buffer => {
      const altered = line.toString().replace(from, to);
      t.not(altered, line.toString(), to);
      return Buffer.from(altered);
    };
    assertRefused(
      t,
      rules,
      changed('"MjEw"', '"MjEx"'),
      ['HASH_MISMATCH', /"data" is not what "header.data_hash" says/],
      'value',
    );
    assertRefused(
      t,
      rules,
      changed('"key": "a"', '"key": "a","x":1'),
      ['BLOCK_MALFORMED', /unknown member "data\.data\[0\].*\.reads\[0\]\.x"/],
      'unknown',
    );
    assertRefused(t, rules, changed('"type": 3', '"type": 1'), ['HASH_MISMATCH', /"data"/], 'type');
    assertRefused(
      t,
      rules,
      changed('"number": "4"', '"number": "04"'),
      ['BLOCK_MALFORMED', /header.number/],
      'number',
    );
  },
);

vectorTest(
  'Altered blocks are refused, and a changed validity flag, which nothing covers, is not called proved',
  (t, vectors) => {
    assertRefused(
      t,
      rules,
      raw(vectors, 'negative/basic-4-resplit'),
      ['BLOCK_MALFORMED', /no envelope .* in "data.data\[\d\]"/],
      'resplit',
    );
    assertRefused(
      t,
      rules,
      raw(vectors, 'negative/basic-4-data-bit'),
      ['HASH_MISMATCH', /"data"/],
      'data bit',
    );
    const flipped = verdictOf(rules, raw(vectors, 'negative/basic-4-invalidated'));
    t.deepEqual(flipped, verdictOf(rules, raw(vectors, 'fabric/basic-4')));
    t.deepEqual(rules.proves, ['header', 'links', 'transactions']);
  },
);

vectorTest(
  'With pinned authorities only blocks that their orderers signed are taken, long after the certificates ended',
  (t, vectors) => {
    const roots = certificatesIn(vectors('fabric/basic-0.block')).filter((pem) => isRoot(pem));
    t.true(roots.length > 0);
    const pinned = fabric({ orderers: [{ mspId: 'OrdererMSP', roots }] }).create();
    t.is(pinned.authorship, 'pinned');
    for (const name of ['basic-0', 'basic-1', 'basic-3', 'basic-5'])
      t.false(isSyncError(verdictOf(pinned, raw(vectors, `fabric/${name}`))), name);
    const others: readonly (readonly [string, RegExp])[] = [
      ['businesschannel_4', /is not of the pinned authorities/],
      ['cluster-3', /is not of the pinned authorities/],
    ];
    for (const [name, message] of others)
      assertRefused(t, pinned, raw(vectors, `fabric/${name}`), ['SIGNATURE_INVALID', message], name);
    const other = fabric({ orderers: [{ mspId: 'OtherMSP', roots }] }).create();
    assertRefused(
      t,
      other,
      raw(vectors, 'fabric/basic-3'),
      ['SIGNATURE_INVALID', /"OrdererMSP", which no pinned/],
      'msp',
    );
  },
);

function isRoot(pem: string): boolean {
  const certificate = new X509Certificate(pem);
  return certificate.ca && certificate.checkIssued(certificate);
}
