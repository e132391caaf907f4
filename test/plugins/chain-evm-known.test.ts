import test from 'ava';
import { ethereum } from '../../plugins/chain-ethereum/index.js';
import { chainVectors, refusalBy } from '../helpers/evm-vectors.js';

type Json = Record<string, unknown>;

const rules = ethereum({ members: 'known' }).create();
const vectors = chainVectors().filter(
  ({ name, refusal }) => refusal === null && /vectors\/chains\/(?:eth|cli)|data\/eth/.test(name),
);
const said = (block: Json): string =>
  refusalBy(rules, Buffer.from(JSON.stringify(block)))?.message ?? 'taken';

/** A block without what nothing covers. */
function known(document: Uint8Array): Json & { readonly transactions: Json[] } {
  const block = JSON.parse(Buffer.from(document).toString()) as Json & { transactions: Json[] };
  for (const name of ['size', 'totalDifficulty']) Reflect.deleteProperty(block, name);
  return block;
}

if (vectors.length === 0) {
  test.skip('Members that nothing covers (skipped: vectors/chains is not on this machine)', () => undefined);
} else {
  test('Genuine blocks have nothing but what is proved or follows from it, sizes and total difficulties aside', (t) => {
    for (const { name, document } of vectors) {
      const block = known(document);
      // A signature's public key is recovered for each sender.
      if (block.transactions.length > 40) continue;
      t.is(said(block), 'taken', name);
    }
  });

  test('A member that nothing covers is refused, wherever it is', (t) => {
    const { document } = vectors.find(({ name }) => name.endsWith('besu-33.json')) ??
      vectors[0] ?? { document: new Uint8Array() };
    const block = known(document);
    const [first = {}] = block.transactions;
    const [withdrawal = {}] = (block['withdrawals'] ?? []) as Json[];
    const of = (change: Json): Json => ({ ...block, transactions: [{ ...first, ...change }] });
    t.is(said(block), 'taken');
    t.regex(said({ ...block, note: 1 }), /a member "note", which nothing covers/);
    const many = Object.fromEntries(Array.from({ length: 1_001 }, (_, at) => [`note${at}`, 1]));
    t.regex(said({ ...block, ...many }), /1\d\d\d members, some of which nothing covers/);
    t.regex(said({ ...block, size: '0x1' }), /a member "size"/);
    t.regex(said({ ...block, withdrawals: [{ ...withdrawal, note: 1 }] }), /a member "note"/);
    t.regex(said({ ...block, transactions: [first['hash']] }), /a bare hash in "transactions"/);
    t.regex(said(of({ note: 1 })), /a member "note"/);
    t.regex(said(of({ maxFeePerBlobGas: '0x1' })), /a member "maxFeePerBlobGas"/);
    t.regex(said(of({ from: `0x${'12'.repeat(20)}` })), /"from" 0x1212/);
    t.regex(said(of({ gasPrice: '0x1' })), /"gasPrice" 1 in a transaction/);
    t.regex(said(of({ blockTimestamp: '0x1' })), /"blockTimestamp" 1 in a transaction/);
    const again = JSON.stringify(block).replace(/}$/, ',"note":1,"note":2}');
    t.regex(refusalBy(rules, Buffer.from(again))?.message ?? '', /"note"/);
  });
}

test('A type of transactions that cannot be proved is named, and passed only where it is allowed', (t) => {
  const [{ document } = { document: null }] = vectors;
  if (document === null) {
    t.pass('no real block is on this machine');
    return;
  }
  const block = known(document);
  const deposit = { ...block, transactions: [...block.transactions, { type: '0x7e' }] };
  const bytes = Buffer.from(JSON.stringify(deposit));
  t.regex(
    refusalBy(ethereum().create(), bytes)?.message ?? '',
    /has the type 0x7e.*unprovedTransactionTypes/,
  );
  const lenient = ethereum({ unprovedTransactionTypes: [0x7e] }).create();
  t.is(refusalBy(lenient, bytes), null);
  t.false(lenient.proves?.includes('transactions'));
});
