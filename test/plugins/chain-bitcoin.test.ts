import test from 'ava';
import { bitcoin, bitcoinDocument, type BitcoinOptions } from '../../plugins/chain-bitcoin/index.js';
import type { ChainRules } from '../../src/contracts/index.js';
import { chainRulesCompliance } from '../../src/testing/compliance/chain-rules.js';
import { minedChain } from '../helpers/bitcoin-chain.js';
import { assertRefused } from '../helpers/chain-vectors.js';

const known = bitcoin({ members: 'known' }).create();
const chain = minedChain(3);

// The height is in no hash: links to a known block say what it is.
const compliance = chainRulesCompliance({ rules: known, documents: chain, uncovered: ['height'] });
for (const item of compliance) {
  test(`${item.id} ${item.title}`, async (t) => {
    await t.notThrowsAsync(item.run());
  });
}

test('Members that nothing covers are refused where only known ones are taken', (t) => {
  const text = Buffer.from(chain[1] as Uint8Array).toString();
  const more = Buffer.from(text.replace('{', '{"chainwork":"00",'));
  t.notThrows(() => bitcoin().create().verify(more, null));
  assertRefused(t, known, more, ['BLOCK_MALFORMED', /unknown member "chainwork"/], 'chainwork');
  const members = Array.from({ length: 1_000 }, (_, at) => `"${at}":0,`).join('');
  const many = Buffer.from(text.replace('{', `{${members}`));
  assertRefused(t, known, many, ['BLOCK_MALFORMED', /^[^"]* 10\d\d members in the document, some/], 'many');
  const both = Buffer.from(text.replace('{', `{"header":"${'00'.repeat(80)}",`));
  assertRefused(t, known, both, ['BLOCK_MALFORMED', /beside "header"/], 'header');
});

test('Of an answer only what changes by the hour is dropped', (t) => {
  const text = Buffer.from(chain[1] as Uint8Array).toString();
  const answer = text
    .replace('{', '{"confirmations": 1.50,\n "difficulty": 1.50, ')
    .replace(/\}$/, ',"nextblockhash":null}');
  const expected = text.replace('{', '{"difficulty":1.50,');
  for (const given of [answer, `{"result":${answer},"error":null}`])
    t.is(Buffer.from(bitcoinDocument(Buffer.from(given))).toString(), expected);
});

test('Threads make the same rules, and options are read at the call', async (t) => {
  const plugin = bitcoin({ easiestBits: '1d00ffff' });
  const { createRules } = (await import(plugin.worker?.module ?? '')) as {
    readonly createRules: (options: unknown) => ChainRules;
  };
  const made = createRules(structuredClone(plugin.worker?.options));
  assertRefused(t, made, chain[0] as Uint8Array, ['HASH_MISMATCH', /easier than/], 'easy');
  for (const wrong of [
    { easiestBits: '1D00FFFF' },
    { easiestBits: '00000000' },
    { easiestBits: 'ff00ffff' },
    { bits: 1 },
    { members: 'x' },
  ])
    t.throws(() => bitcoin(wrong as BitcoinOptions), { instanceOf: TypeError }, JSON.stringify(wrong));
});
