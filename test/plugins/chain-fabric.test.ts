import { createHash, sign } from 'node:crypto';
import test from 'ava';
import { OrdererCertificates } from '../../plugins/chain-fabric/certificates.js';
import { fabric, fabricDocument, type FabricOptions } from '../../plugins/chain-fabric/index.js';
import type { ChainRules } from '../../src/contracts/index.js';
import { isSyncError } from '../../src/errors/index.js';
import { chainRulesCompliance } from '../../src/testing/compliance/chain-rules.js';
import { bytesField, intField, message, messageField } from '../../src/internal/proof/index.js';
import { certificate } from '../helpers/certificates.js';
import { assertRefused, verdictOf } from '../helpers/chain-vectors.js';
import { fabricChain, type FabricChainOptions, transaction } from '../helpers/fabric-chain.js';

const root = certificate({ name: ['ca', 'admin'], issuer: null, isAuthority: true });
const between = certificate({ name: ['between', 'admin'], issuer: root, isAuthority: true });
const orderer = certificate({ name: ['orderer 1', 'orderer'], issuer: root, serial: 0xabcn });
const roots = [root.pem];
const hashOfNothing = createHash('sha256').digest();
const rulesOf = (options: FabricOptions = {}): ChainRules => fabric(options).create();
const pinned = rulesOf({ orderers: [{ mspId: 'OrdererMSP', roots }], members: 'known' });
const chainOf = (options: Partial<FabricChainOptions> = {}): readonly Uint8Array[] =>
  fabricChain({ count: 3, signerAt: () => orderer, ...options });

const compliance = chainRulesCompliance({ rules: pinned, documents: chainOf() });
for (const item of compliance) {
  test(`${item.id} ${item.title}`, async (t) => {
    await t.notThrowsAsync(item.run());
  });
}

test('A block as JSON and the block itself have one hash, and what only JSON can have is refused', (t) => {
  const [bytes, json] = [chainOf(), chainOf({ isJson: () => true })];
  for (const [at, document] of json.entries())
    t.like(verdictOf(pinned, document), { hash: pinned.describe(bytes[at] as Uint8Array).hash });
  const text = Buffer.from(json[1] as Uint8Array).toString();
  const reasons: [from: string | RegExp, to: string, code: string, message: RegExp][] = [
    [
      Buffer.from('value 1').toString('base64'),
      Buffer.from('value 2').toString('base64'),
      'HASH_MISMATCH',
      /"data"/,
    ],
    ['"status":200', '"status":"0200"', 'BLOCK_MALFORMED', /response.status/],
    ['"decorations":{}', '"decorations":{"a":"AA=="}', 'BLOCK_MALFORMED', /decorations/],
    ['"TransientMap":{}', '"TransientMap":{},"more":1', 'BLOCK_MALFORMED', /more.*"raw"/s],
    ['10:00:00.120Z', '10:00:00.12Z', 'BLOCK_MALFORMED', /timestamp/],
    ['"is_delete":false', '"is_delete":0', 'BLOCK_MALFORMED', /is_delete/],
    ['"header":{"data_hash"', '"x":1,"header":{"data_hash"', 'BLOCK_MALFORMED', /unknown member "x"/],
  ];
  for (const [from, to, code, message] of reasons) {
    const altered = text.replace(from, to);
    t.not(altered, text, to);
    assertRefused(t, pinned, Buffer.from(altered), [code, message], to);
  }
  const config = Buffer.from(text.replace('"TransientMap":{}', '"TransientMap":{},"more":1'));
  const optional = rulesOf({ orderers: [{ mspId: 'OrdererMSP', roots }], data: 'optional' });
  t.false(isSyncError(verdictOf(optional, config)));
  t.false(optional.proves?.includes('transactions'));
  const bare = Buffer.from(
    text.replace(
      /"data":\{"data":\[.*?\]\},"header":\{"data_hash"/,
      '"data":{"data":[]},"header":{"data_hash"',
    ),
  );
  t.false(isSyncError(verdictOf(optional, bare)));
  assertRefused(t, pinned, bare, ['HASH_MISMATCH', /"data"/], 'no data');
});

test('Only a signature by a certificate of pinned authorities counts, and only one with a low s', (t) => {
  const double = certificate({ name: ['ca', 'admin'], issuer: null, isAuthority: true });
  const stranger = certificate({ name: ['orderer 1', 'orderer'], issuer: double });
  const forger = certificate({ name: ['orderer 2', 'orderer'], issuer: orderer });
  const late = certificate({
    name: ['late', 'orderer'],
    issuer: root,
    from: '220101000000Z',
    to: '320101000000Z',
  });
  const client = certificate({ name: ['client', 'client'], issuer: root });
  const refused: [string, Partial<FabricChainOptions>, RegExp][] = [
    ['another authority of the same name', { signerAt: () => stranger }, /is not of the pinned authorities/],
    ['an orderer that issues', { signerAt: () => forger }, /is not of the pinned authorities/],
    ['an authority', { signerAt: () => between }, /is an authority/],
    ['issued after its authority has ended', { signerAt: () => late }, /is not of the pinned authorities/],
    ['another organisation', { mspId: 'OtherMSP' }, /"OtherMSP", which no pinned orderer is of/],
    ['a high s', { isHigh: true }, /did not sign it/],
    ['one who signs twice', { times: 2 }, /has signed it twice/],
    ['nobody', { signerAt: () => null }, /no orderer has signed it/],
    ['the key of another', { signerAt: () => ({ ...orderer, secret: root.secret }) }, /did not sign it/],
  ];
  for (const [title, options, message] of refused)
    assertRefused(t, pinned, chainOf(options)[1] as Uint8Array, ['SIGNATURE_INVALID', message], title);
  const block = chainOf()[1] as Uint8Array;
  const strict = (more: object): ChainRules =>
    rulesOf({ orderers: [{ mspId: 'OrdererMSP', roots, ...more }] });
  assertRefused(t, strict({ revoked: ['abc'] }), block, ['SIGNATURE_INVALID', /is revoked/], 'revoked');
  t.false(isSyncError(verdictOf(strict({ unit: 'required' }), block)));
  const byClient = chainOf({ signerAt: () => client })[1] as Uint8Array;
  t.false(isSyncError(verdictOf(pinned, byClient)));
  assertRefused(t, strict({ unit: 'required' }), byClient, ['SIGNATURE_INVALID', /unit "orderer"/], 'unit');
});

test('An authority between root and orderer counts where it is named', (t) => {
  const deep = certificate({ name: ['orderer 3', 'orderer'], issuer: between });
  const block = chainOf({ signerAt: () => deep })[1] as Uint8Array;
  const named = rulesOf({ orderers: [{ mspId: 'OrdererMSP', roots, intermediates: [between.pem] }] });
  t.false(isSyncError(verdictOf(named, block)));
  assertRefused(t, pinned, block, ['SIGNATURE_INVALID', /not of the pinned authorities/], 'not named');
});

test('The same bytes in other pieces are refused, and heights are in the hash at each length of their encoding', (t) => {
  const rules = rulesOf();
  const long = fabricChain({
    count: 260,
    transactionsAt: (height) => [transaction(height), transaction(height, 'b')],
  });
  let previous = '';
  for (const [height, document] of long.entries()) {
    const read = rules.verify(document, { height });
    t.is(read.previousHash, previous);
    previous = read.hash;
  }
});

test('What takes many times as much to read as an honest block is refused before it is read', (t) => {
  const rules = rulesOf();
  const header = message(intField(1, 1), bytesField(2, Buffer.alloc(32)), bytesField(3, hashOfNothing));
  const of = (data: Uint8Array, first: Uint8Array): Uint8Array =>
    fabricDocument(
      message(
        messageField(1, header),
        messageField(2, data),
        messageField(3, message(messageField(1, first))),
      ),
    );
  const nothing = new Uint8Array();
  const envelopes = Buffer.from('0a00'.repeat(300_000), 'hex');
  const manyItems = '{},'.repeat(300_000);
  const json = (data: string): Buffer =>
    Buffer.from(
      `{"header":{"number":"1","data_hash":"${hashOfNothing.toString('base64')}"},"data":{"data":[${data}{}]}}`,
    );
  const { pem, secret } = certificate({ name: ['anyone', 'client'], issuer: null });
  const signature = (creator: string): Uint8Array => {
    const identity = message(bytesField(1, creator), bytesField(2, pem));
    const signedHeader = message(bytesField(1, identity));
    return message(bytesField(1, signedHeader), bytesField(2, sign('sha256', nothing, secret)));
  };
  const value = Buffer.alloc(65_537, 1);
  const documents: [what: string, Uint8Array, RegExp][] = [
    ['envelopes', of(envelopes, nothing), /no data .* at most 65536 items/],
    ['envelopes in JSON', json(manyItems), /more than 65536 items in "data"/],
    [
      'items of a list in JSON',
      json(`{"payload":{"data":{"actions":[${manyItems}{}]}}},`),
      /more than 262144 items in "data.data\[0\].payload.data.actions"/,
    ],
    ['fields of a block', of(nothing, Buffer.from('0800'.repeat(300_000), 'hex')), /metadata\[0\]/],
    [
      'signatures',
      of(
        nothing,
        message(...Array.from({ length: 258 }, (_, at) => messageField(2, signature(`org ${at}`)))),
      ),
      /metadata\[0\] .* at most 257 items/,
    ],
    [
      'bytes that each signature is over',
      of(nothing, message(messageField(1, value), messageField(2, signature('org')))),
      /no metadata\[0\] in the one form/,
    ],
  ];
  for (const [what, document, reason] of documents)
    assertRefused(t, rules, document, ['BLOCK_MALFORMED', reason], what);
});

test('Who has signed a block is read once, and who is refused is not remembered', (t) => {
  const { pem } = certificate({ name: ['anyone', 'client'], issuer: null });
  const certificates = new OrdererCertificates([]);
  const first = certificates.signer('a', Buffer.from(pem));
  t.is(typeof first, 'object');
  t.is(certificates.signer('a', Buffer.from(pem)), first);
  t.not(certificates.signer('b', Buffer.from(pem)), first);
  const long = Buffer.from(`${pem}${' '.repeat(65_536)}`);
  t.is(certificates.signer('a', long), 'has no certificate');
});

test('Threads make the same rules, and options are read at the call', async (t) => {
  const plugin = fabric({ orderers: [{ mspId: 'OrdererMSP', roots }] });
  const { createRules } = (await import(plugin.worker?.module ?? '')) as {
    readonly createRules: (options: unknown) => ChainRules;
  };
  const made = createRules(structuredClone(plugin.worker?.options));
  t.deepEqual(made.proves, ['header', 'links', 'transactions', 'seals', 'validators']);
  t.false(isSyncError(verdictOf(made, chainOf()[2] as Uint8Array)));
  const one = { mspId: 'a', roots };
  for (const wrong of [
    { orderer: [] },
    { orderers: [one, one] },
    { orderers: [{ mspId: 'a', roots: [] }] },
    { orderers: [{ mspId: 'a', roots: ['x'] }] },
    { orderers: [{ ...one, revoked: ['0x1'] }] },
    { data: 'some' },
  ])
    t.throws(() => fabric(wrong as FabricOptions), { instanceOf: TypeError }, JSON.stringify(wrong));
});
