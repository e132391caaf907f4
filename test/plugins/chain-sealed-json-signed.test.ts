import { createHash, createPrivateKey, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import test from 'ava';
import fc from 'fast-check';
import { seal, SEALED_JSON_GENESIS, sealedJson, sealSigned } from '../../plugins/chain-sealed-json/index.js';
import { SealedSignatures } from '../../plugins/chain-sealed-json/signatures.js';
import type { BlockSigner } from '../../src/index.js';
import { producerScheme } from '../../src/internal/producer-key-form.js';
import { chainRulesCompliance } from '../../src/testing/compliance/chain-rules.js';
import { dataTest } from '../helpers/data-test.js';
import { fixedProducer, producer, refOf, SCHEMES, signedOn } from '../helpers/producers.js';
import { fromDer, isLow, twin } from './signer-support.js';

const rules = sealedJson().create();
const signatures = new SealedSignatures();
const parent = 'ab'.repeat(32);

const PUBLIC_KEYS = {
  secp256k1: '031b84c5567b126440995d3ed5aaba0565d71e1834604819ff9c17f5e9d5dd078f',
  ed25519: '8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c',
};

/** Blocks 0 and 1 that the secret key 0101…01 signs. */
const VECTORS = {
  secp256k1: [
    '{"hash":"7a0ae30f3f754761960269bad23c5a10eb5faae0326926418ee1195bc0bfc163","height":0,"previousHash":"0000000000000000000000000000000000000000000000000000000000000000","timestamp":1700000000000,"records":[6.0,"Zoë"],"producer":"031b84c5567b126440995d3ed5aaba0565d71e1834604819ff9c17f5e9d5dd078f","signature":"49e467ff037d0536217024a00008dfa31d06a4f542d267ecbed1ebea410016b069d40bf0f7bcf9c3371396a9dd39e8e131c0702e40b706615ff0cf825f2cfa2f"}',
    '{"hash":"0591505c2021abc0d0502d22bdf55bdc20df76810852bc41725fa9e93713cbda","height":1,"previousHash":"7a0ae30f3f754761960269bad23c5a10eb5faae0326926418ee1195bc0bfc163","producer":"031b84c5567b126440995d3ed5aaba0565d71e1834604819ff9c17f5e9d5dd078f","signature":"3e251b309fc11bbe2ae3b1f853038f6f3240f251027f64a57c41b920921b350120ade7e54be741e1f5dc674237e033d4d53ade52347a463c9c3a069471f10d78"}',
  ],
  ed25519: [
    '{"hash":"ceea799fa9a8c82b9db807c8f80de4c9440bd9be72e5aed0d12231eb6070c4fd","height":0,"previousHash":"0000000000000000000000000000000000000000000000000000000000000000","timestamp":1700000000000,"records":[6.0,"Zoë"],"producer":"8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c","signature":"6bf6639b99ce44e9b53f4674a73dbdda01c64dd3d0bdaa7b08ccb02902e99d5437ab1e5fd8ec43740434d8b1e9a04053ed63b3927065a6917190894b93a7da0b"}',
    '{"hash":"a5c37341432e46b99b39df8d809bbd2cf17085698228f2e8f2940747d3d914a8","height":1,"previousHash":"ceea799fa9a8c82b9db807c8f80de4c9440bd9be72e5aed0d12231eb6070c4fd","producer":"8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c","signature":"e8ea0395d9d5ca82b73c3f8c5eb81917e3ae3ca34f23f54f0821a9a573122d5811fe26f496b28cd7d5ecab0ec265a416e1acd87d85dc27c63ac8afb439f0090e"}',
  ],
} as const;
const PAYLOADS = ['{"timestamp":1700000000000,"records":[6.0,"Zoë"]}', '{}'];

/** The block with other bytes behind its hash, and the hash that fits them. */
function rehashed(rest: Buffer): Buffer {
  const hash = createHash('sha256').update('{').update(rest).digest('hex');
  return Buffer.concat([Buffer.from(`{"hash":"${hash}",`), rest]);
}

const restOf = (document: Uint8Array): Buffer => Buffer.from(document).subarray(75);
const text = (document: Uint8Array): string => Buffer.from(document).toString();

for (const scheme of SCHEMES) {
  test(`a block that ${scheme} signs has the bytes of the protocol`, async (t) => {
    const signer = await fixedProducer(t, scheme, PUBLIC_KEYS[scheme]);
    let previousHash = SEALED_JSON_GENESIS;
    for (const [height, payload] of PAYLOADS.entries()) {
      const { document, hash } = await sealSigned(Buffer.from(payload), { height, previousHash }, signer);
      t.is(text(document), VECTORS[scheme][height] ?? '');
      t.is(rules.verify(document, { height, hash }).hash, hash);
      t.is(signatures.producerOf(document), PUBLIC_KEYS[scheme]);
      t.true(signatures.verify(document));
      previousHash = hash;
    }
  });

  test(`each byte of a block that ${scheme} signs is under its signature, also with a hash that fits`, (t) => {
    const document = Buffer.from(VECTORS[scheme][0]);
    const place = fc.integer({ min: 75, max: document.length - 1 });
    fc.assert(
      fc.property(place, fc.integer({ min: 1, max: 255 }), (at, change) => {
        const rest = Buffer.from(restOf(document));
        rest[at - 75] = (rest[at - 75] ?? 0) ^ change;
        return !signatures.verify(rehashed(rest)) || !isTaken(rehashed(rest));
      }),
      { numRuns: 600 },
    );
    for (let at = 0; at < 75; at++) {
      const altered = Buffer.from(document);
      altered[at] = (altered[at] ?? 0) ^ 1;
      t.false(isTaken(altered), `byte ${at}`);
    }
    t.true(signatures.verify(rehashed(restOf(document))));
  });

  test(`any payload that ${scheme} signs goes in byte for byte`, async (t) => {
    const signer = await producer(t, scheme);
    const names = fc
      .string({ unit: 'grapheme' })
      .filter((name) => !['hash', 'height', 'previousHash', 'producer', 'signature'].includes(name));
    await fc.assert(
      fc.asyncProperty(fc.dictionary(names, fc.jsonValue()), async (value) => {
        const payload = JSON.stringify(value);
        const { document } = await sealSigned(
          Buffer.from(payload),
          { height: 7, previousHash: parent },
          signer,
        );
        const members = payload.slice(1, -1);
        const middle = members === '' ? '' : `,${members}`;
        t.true(
          text(document).includes(`"previousHash":"${parent}"${middle},"producer":"${signer.publicKey}",`),
        );
        t.true(signatures.verify(document));
      }),
      { numRuns: 100 },
    );
  });
}

function isTaken(document: Uint8Array): boolean {
  try {
    rules.verify(document, null);
    return true;
  } catch {
    return false;
  }
}

const compliance = chainRulesCompliance({
  rules,
  documents: Object.values(VECTORS.ed25519).map((document) => Buffer.from(document)),
});
for (const item of compliance) {
  test(`signed: ${item.id} ${item.title}`, async (t) => {
    await t.notThrowsAsync(item.run());
  });
}

test('rules that know no signatures take a signed block as any other', (t) => {
  for (const document of [...VECTORS.secp256k1, ...VECTORS.ed25519]) {
    const hash = createHash('sha256')
      .update(`{${document.slice(75)}`)
      .digest('hex');
    const members = JSON.parse(document) as { hash: string };
    t.is(members.hash, hash, 'computed as it was before blocks had signatures');
    t.is(rules.verify(Buffer.from(document), null).hash, hash);
  }
});

test('there is one form of a signed block: whatever else stands there is no signature', async (t) => {
  const signer = await producer(t);
  const [document] = await signedOn({ height: 4, hash: parent }, 1, signer);
  const rest = restOf(document ?? new Uint8Array()).toString();
  const [, body = '', key = '', signature = ''] =
    /^(.*),"producer":"([0-9a-f]+)","signature":"([0-9a-f]+)"\}$/.exec(rest) ?? [];
  const good = `${body},"producer":"${key}","signature":"${signature}"}`;
  t.true(signatures.verify(rehashed(Buffer.from(good))));
  const forms = {
    'white space before a name': `${body}, "producer":"${key}","signature":"${signature}"}`,
    'white space at the end': `${body},"producer":"${key}","signature":"${signature}" }`,
    'another order': `${body},"signature":"${signature}","producer":"${key}"}`,
    'upper case in the key': `${body},"producer":"${key.toUpperCase()}","signature":"${signature}"}`,
    'upper case in the signature': `${body},"producer":"${key}","signature":"${signature.toUpperCase()}"}`,
    'an escape in a name': `${body},"produc\\u0065r":"${key}","signature":"${signature}"}`,
    'a member behind it': `${body},"producer":"${key}","signature":"${signature}","a":1}`,
    'no signature': `${body},"producer":"${key}"}`,
    'no producer': `${body},"signature":"${signature}"}`,
    'within another member': `${body},"a":{"b":1,"producer":"${key}","signature":"${signature}"}}`,
    'a short signature': `${body},"producer":"${key}","signature":"${signature.slice(2)}"}`,
    'a prefix of the key': `${body},"producer":"0x${key}","signature":"${signature}"}`,
  };
  for (const [name, form] of Object.entries(forms)) {
    const altered = rehashed(Buffer.from(form));
    t.true(isTaken(altered), `${name}: still a block`);
    t.false(signatures.verify(altered), name);
  }
});

test('a block that names its producer twice is not signed, whichever a reader takes', async (t) => {
  for (const member of ['"producer":"x"', '"signature":1', '"produce\\u0072":null']) {
    const signer = await producer(t);
    const covered = `"height":4,"previousHash":"${parent}",${member},"producer":"${signer.publicKey}"`;
    const signature = await signer.signBytes(Buffer.from(`blockferry-block-v1:{${covered}`));
    const twice = rehashed(Buffer.from(`${covered},"signature":"${signature}"}`));
    t.true(isTaken(twice));
    t.false(signatures.verify(twice), member);
    const payload = Buffer.from(`{${member}}`);
    const place = { height: 4, previousHash: parent };
    // Such a record goes in one level deeper.
    const { document } = await sealSigned(payload, place, signer);
    t.true(signatures.verify(document));
    t.true(Buffer.from(document).toString().includes(`,"record":{${member}},"producer":`));
    t.notThrows(() => seal(payload, place));
  }
});

test('a signature for another purpose, parent or height is none', async (t) => {
  const signer = await producer(t);
  const covered = `"height":4,"previousHash":"${parent}","producer":"${signer.publicKey}"`;
  const signed = async (message: string): Promise<Buffer> =>
    rehashed(Buffer.from(`${covered},"signature":"${await signer.signBytes(Buffer.from(message))}"}`));
  t.true(signatures.verify(await signed(`blockferry-block-v1:{${covered}`)));
  t.false(signatures.verify(await signed(`{${covered}`)));
  t.false(signatures.verify(await signed(`blockferry-manifest-v1:{${covered}`)));
  t.false(signatures.verify(await signed(`blockferry-block-v1:{${covered}`.replace(':4', ':5'))));
  t.false(signatures.verify(await signed(`blockferry-block-v1:{${covered}`.replace('ab', 'ac'))));
});

test('a high S, an S above the order and other spellings of R are refused', async (t) => {
  const secp = await fixedProducer(t, 'secp256k1', PUBLIC_KEYS.secp256k1);
  const message = Buffer.from('message');
  const low = await secp.signBytes(message);
  const at = (publicKey: string, signature: string): boolean =>
    signatures.isSigned(['', message], { producer: publicKey, signature });
  t.true(at(secp.publicKey, low));
  t.false(at(secp.publicKey, twin(low)));
  t.false(at(secp.publicKey, `${'0'.repeat(64)}${low.slice(64)}`));
  const ed = await fixedProducer(t, 'ed25519', PUBLIC_KEYS.ed25519);
  const good = await ed.signBytes(message);
  t.true(at(ed.publicKey, good));
  // S + L: the same number to whoever does not compare with the order of the group (RFC 8032, section 5.1.7).
  const order = 2n ** 252n + 27742317777372353535851937790883648493n;
  const s = Buffer.from(good.slice(64), 'hex').reverse().toString('hex');
  const above = (BigInt(`0x${s}`) + order).toString(16).padStart(64, '0');
  t.false(at(ed.publicKey, good.slice(0, 64) + Buffer.from(above, 'hex').reverse().toString('hex')));
  t.false(at(ed.publicKey, `ee${'ff'.repeat(30)}7f${good.slice(64)}`));
});

test('keys of Ed25519 with which anyone could sign, and second spellings of keys, are no keys', (t) => {
  const bytes = (first: number, middle: number, last: number): string =>
    Buffer.of(first, ...Buffer.alloc(30, middle), last).toString('hex');
  const refused = [
    bytes(1, 0, 0),
    bytes(1, 0, 0x80),
    bytes(0, 0, 0),
    bytes(0, 0, 0x80),
    ...[0xec, 0xed, 0xee, 0xef, 0xf0, 0xff].flatMap((first) => [
      bytes(first, 0xff, 0x7f),
      bytes(first, 0xff, 0xff),
    ]),
    '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
    'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa',
  ];
  for (const key of refused) t.is(producerScheme(key), null, key);
  // With the neutral element as key, S = 0 and R = 1 fit every message (S·B = R + h·A); OpenSSL 3.0 takes that, 3.5 does not.
  const everything = { signature: `${bytes(1, 0, 0)}${'00'.repeat(32)}` };
  t.false(signatures.isSigned(['', Buffer.from('x')], { producer: bytes(1, 0, 0), ...everything }));
  for (const scheme of SCHEMES) t.is(producerScheme(PUBLIC_KEYS[scheme]), scheme);
  for (const key of [
    '',
    'x',
    PUBLIC_KEYS.ed25519.toUpperCase(),
    `0x${PUBLIC_KEYS.ed25519}`,
    `04${'a'.repeat(64)}`,
  ])
    t.is(producerScheme(key), null, key);
});

test('OpenSSL signs what is accepted here, and what is signed here it accepts', (t) => {
  const pkcs8 = Buffer.from(`302e020100300506032b657004220420${'01'.repeat(32)}`, 'hex');
  const key = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
  const document = VECTORS.ed25519[1];
  const signedTo = document.indexOf(',"signature"');
  const digest = createHash('sha256')
    .update(`blockferry-block-v1:{${document.slice(75, signedTo)}`)
    .digest();
  t.is(sign(null, digest, key).toString('hex'), document.slice(signedTo + 14, -2));
});

test('a signer that gives something else is a mistake of the host', async (t) => {
  const payload = Buffer.from('{}');
  const place = { height: 4, previousHash: parent };
  const signer = (publicKey: string, signature: string): BlockSigner => ({
    publicKey,
    signBytes: () => Promise.resolve(signature),
  });
  const key = PUBLIC_KEYS.ed25519;
  await t.throwsAsync(sealSigned(payload, place, signer('abc', '0'.repeat(128))), { instanceOf: TypeError });
  await t.throwsAsync(sealSigned(payload, place, signer(key, 'abc')), { instanceOf: TypeError });
  const { document } = await sealSigned(payload, place, signer(key, '0'.repeat(128)));
  t.false(signatures.verify(document), 'the form alone is no signature');
  t.is(refOf(document).height, 4);
});

interface Vectors {
  readonly testGroups: readonly {
    readonly publicKey: { readonly uncompressed: string };
    readonly tests: readonly { tcId: number; msg: string; sig: string; result: 'valid' | 'invalid' }[];
  }[];
}

for (const [name, count, compactOf] of [
  ['ecdsa_secp256k1_sha256_bitcoin_test.json', 463, fromDer],
  ['ecdsa_secp256k1_sha256_p1363_test.json', 252, (bytes: Buffer) => bytes.toString('hex')],
] as const) {
  dataTest(`all ${count} vectors of ${name} are judged right`, `vectors/wycheproof/${name}`, (t, file) => {
    const { testGroups } = JSON.parse(readFileSync(file, 'utf8')) as Vectors;
    let [seen, accepted] = [0, 0];
    for (const { publicKey, tests } of testGroups) {
      const { uncompressed } = publicKey;
      const odd = Number.parseInt(uncompressed.slice(-1), 16) % 2 === 1;
      const key = (odd ? '03' : '02') + uncompressed.slice(2, 66);
      for (const { tcId, msg, sig, result } of tests) {
        const signature = compactOf(Buffer.from(sig, 'hex'));
        const isForm = signature?.length === 128;
        const isSigned =
          isForm && signatures.isSigned(['', Buffer.from(msg, 'hex')], { producer: key, signature });
        t.is(isSigned, result === 'valid' && isForm && isLow(signature), `test ${tcId}`);
        seen++;
        if (isSigned) accepted++;
      }
    }
    t.is(seen, count);
    t.true(accepted > 90, String(accepted));
  });
}
