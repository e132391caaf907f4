import { createHash, randomBytes } from 'node:crypto';
import { crc32, gzipSync } from 'node:zlib';
import test from 'ava';
import * as nodeBytes from '../../src/internal/node/bytes.js';
import * as nodeGzip from '../../src/internal/node/gzip.js';
import * as nodeSha256 from '../../src/internal/node/sha256.js';
import { SignatureCheck } from '../../src/internal/node/signature.js';
import * as webBytes from '../../src/internal/web/bytes.js';
import * as webGzip from '../../src/internal/web/gzip.js';
import * as webSha256 from '../../src/internal/web/sha256.js';
import { loadSignatures, SignatureCheck as WebSignatureCheck } from '../../src/internal/web/signature.js';
import { producer } from '../helpers/producers.js';

const all = Uint8Array.from({ length: 256 }, (_, byte) => byte);
const inside = randomBytes(300).subarray(7, 290);

test('what is done with bytes is the same without Node', (t) => {
  const [node, web] = [nodeBytes, webBytes];
  for (const bytes of [all, inside, new Uint8Array(0), randomBytes(10_000)]) {
    t.is(web.latin1Text(bytes, 3, 200), node.latin1Text(bytes, 3, 200));
    t.is(web.latin1Text(bytes), node.latin1Text(bytes));
    t.is(web.base64UrlText(bytes), node.base64UrlText(bytes));
    const hex = Buffer.from(bytes).toString('hex');
    t.is(web.hexText(bytes), hex);
    t.deepEqual([...web.hexBytes(hex)], [...node.hexBytes(hex)]);
    for (const wanted of [all.subarray(250), inside.subarray(100, 110), all.subarray(0, 1)])
      t.is(web.indexOfBytes(bytes, wanted, 5), node.indexOfBytes(bytes, wanted, 5));
    for (const other of [all, inside, bytes.subarray(0, 9)])
      t.is(web.compareBytes(bytes, other), node.compareBytes(bytes, other));
  }
  t.deepEqual([...web.concatBytes([all, inside])], [...node.concatBytes([all, inside])]);
  t.deepEqual([...web.utf8Bytes('Zoë ☤ 😀')], [...node.utf8Bytes('Zoë ☤ 😀')]);
  for (const text of ['QUJD', 'QUI=', '', 'QU*D', 'Q U=']) {
    const [into, same] = [new Uint8Array(4), new Uint8Array(4)];
    const full = web.writeBase64(text, into, 1) === 3;
    t.is(full, node.writeBase64(text, same, 1) === 3, text);
    if (full) t.deepEqual(into, same);
  }
});

test('SHA-256 is the same without Node', (t) => {
  for (const { sha256Hex, Sha256 } of [nodeSha256, webSha256]) {
    const expected = createHash('sha256').update('☤').update(inside).digest('hex');
    t.is(new Sha256().update('☤').update(inside).hex(), expected);
    t.is(sha256Hex(all), createHash('sha256').update(all).digest('hex'));
  }
});

test('gzip is decoded member by member without Node, and no more of it than is allowed', async (t) => {
  const documents = [
    Buffer.alloc(65_536, 'a'),
    randomBytes(30_000),
    Buffer.from('\n'),
    Buffer.alloc(200_000, 'xyz'),
  ];
  const members = documents.map((document) => gzipSync(document));
  const body = Buffer.concat(members);
  const whole = Buffer.concat(documents);
  t.is(webGzip.crc32(whole), crc32(whole));
  t.deepEqual(Buffer.from(webGzip.gunzipNow(body, whole.length)), whole);
  const reader = new webGzip.MemberReader(body);
  let at = 0;
  for (const [index, document] of documents.entries()) {
    const { length } = members[index] as Buffer;
    // One that is passed over is no hindrance.
    if (index !== 2) {
      const member = reader.read(at, 10, { maxBytes: document.length });
      t.is(member?.trailerAt, at + length - 8);
      t.deepEqual(Buffer.from(member?.bytes ?? []), document);
    }
    at += length;
  }
  const tooMuch = t.throws(() => webGzip.gunzipNow(body, whole.length - 1));
  t.true(webGzip.isTooMuchOutput(tooMuch));
  t.is(new webGzip.MemberReader(body).read(0, 10, { maxBytes: 65_535 }), null);

  const [first, second] = members as [Buffer, Buffer];
  t.deepEqual(Buffer.from(webGzip.gunzipOne(second, 30_000)), documents[1]);
  const damaged = Buffer.from(second);
  damaged[second.length - 6] = (damaged[second.length - 6] ?? 0) ^ 1;
  for (const bad of [
    damaged,
    second.subarray(0, -1),
    Buffer.concat([second, first]),
    Buffer.concat([second, all]),
  ])
    t.throws(() => webGzip.gunzipOne(bad, 30_000));
  const made = await webGzip.gzipNow(whole);
  t.deepEqual(Buffer.from(await nodeGzip.gunzipLarge(made, whole.length)), whole);
});

test('signatures of secp256k1 are judged the same without Node', async (t) => {
  const signer = await producer(t, 'secp256k1');
  const covered = randomBytes(500);
  const signature = await signer.signBytes(Buffer.concat([Buffer.from('purpose'), covered]));
  await loadSignatures();
  const other = signature.replace(/^../, signature.startsWith('00') ? '01' : '00');
  for (const check of [new SignatureCheck(), new WebSignatureCheck()]) {
    const isSigned = (purpose: string, given: string): boolean =>
      check.isSigned('secp256k1', signer.publicKey, [purpose, covered], given);
    t.true(isSigned('purpose', signature));
    t.false(isSigned('other', signature));
    t.false(isSigned('purpose', other));
    t.false(check.isSigned('secp256k1', `02${'f'.repeat(64)}`, ['purpose', covered], signature));
  }
});
