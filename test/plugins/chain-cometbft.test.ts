import test from 'ava';
import { FLAG } from '../../plugins/chain-cometbft/commit.js';
import { cometbft, cometbftDocument, type CometbftOptions } from '../../plugins/chain-cometbft/index.js';
import type { ChainRules } from '../../src/contracts/index.js';
import { isSyncError } from '../../src/errors/index.js';
import { openChain } from '../../src/index.js';
import { chainRulesCompliance } from '../../src/testing/compliance/chain-rules.js';
import { assertRefused, documentOf, verdictOf } from '../helpers/chain-vectors.js';
import { type CometbftBlock, cometbftChain, pinnedList, validatorsOf } from '../helpers/cometbft-chain.js';

const rulesOf = (options: CometbftOptions = {}): ChainRules => cometbft(options).create();
const signed = rulesOf({ commits: 'required', members: 'known' });

const compliance = chainRulesCompliance({
  rules: signed,
  documents: cometbftChain({ count: 3, validatorsAt: () => validatorsOf([1]), txsAt: () => ['a'] }).map(
    documentOf,
  ),
});
for (const item of compliance) {
  test(`${item.id} ${item.title}`, async (t) => {
    await t.notThrowsAsync(item.run());
  });
}

/** A document of a chain, altered. */
function altered(block: CometbftBlock, change: (block: CometbftBlock) => void): Uint8Array {
  const copy = structuredClone(block);
  change(copy);
  return documentOf(copy);
}

test('A chain is taken with votes for no block and absent ones, up to a third', (t) => {
  const flagAt = (height: number, at: number): number =>
    at === height % 4 ? ([FLAG.nil, FLAG.absent][height % 2] ?? 0) : FLAG.commit;
  for (const block of cometbftChain({ count: 12, flagAt }))
    t.false(isSyncError(verdictOf(signed, documentOf(block))), block.commit.height);
  const three = validatorsOf([10, 10, 10]);
  const exactly = cometbftChain({
    count: 1,
    validatorsAt: () => three,
    flagAt: (_height, at) => (at === 0 ? FLAG.absent : FLAG.commit),
  });
  assertRefused(
    t,
    signed,
    documentOf(exactly[0]),
    ['SIGNATURE_INVALID', /20 of the power of 30/],
    'two thirds',
  );
});

test('What is altered is refused, and the message names it', (t) => {
  const [, block] = cometbftChain({ count: 2 });
  if (block === undefined) return t.fail();
  const reasons: [string, (block: CometbftBlock) => void, string, RegExp][] = [
    [
      'a nanosecond of the header',
      ({ block: { header } }) => {
        header['time'] = '2023-11-14T22:13:21.100000002Z';
      },
      'HASH_MISMATCH',
      /states the hash/,
    ],
    [
      'a vote through a JS Date',
      ({
        commit: {
          signatures: [vote],
        },
      }) => {
        if (vote) vote['timestamp'] = new Date(vote['timestamp'] as string).toISOString();
      },
      'BLOCK_MALFORMED',
      /signatures\[0\].timestamp/,
    ],
    [
      'a nanosecond of a vote',
      ({
        commit: {
          signatures: [vote],
        },
      }) => {
        if (vote) vote['timestamp'] = '2023-11-14T22:13:21.100000039Z';
      },
      'SIGNATURE_INVALID',
      /signatures\[0\]/,
    ],
    [
      'a vote for no block',
      ({
        commit: {
          signatures: [vote],
        },
      }) => {
        if (vote) vote['block_id_flag'] = 3;
      },
      'SIGNATURE_INVALID',
      /signatures\[0\]/,
    ],
    [
      'a commit for the block above',
      ({ commit }) => {
        commit.height = '2';
      },
      'SIGNATURE_INVALID',
      /commit.height/,
    ],
    [
      'another round',
      ({ commit }) => {
        commit.round = 2;
      },
      'SIGNATURE_INVALID',
      /signatures\[0\]/,
    ],
    [
      'other parts',
      (whole) => {
        whole.block_id = { ...whole.block_id, parts: { total: 1, hash: 'AB'.repeat(32) } };
      },
      'HASH_MISMATCH',
      /commit.block_id/,
    ],
    [
      'more power',
      ({ validators: [one] }) => {
        if (one) one['voting_power'] = '11';
      },
      'HASH_MISMATCH',
      /"validators"/,
    ],
    [
      'another order',
      ({ validators }) => {
        validators.reverse();
      },
      'HASH_MISMATCH',
      /"validators"/,
    ],
    [
      'a vote less',
      ({ commit }) => {
        commit.signatures.pop();
      },
      'SIGNATURE_INVALID',
      /3 "signatures" for 4/,
    ],
    [
      'votes in another order',
      ({ commit }) => {
        commit.signatures.reverse();
      },
      'SIGNATURE_INVALID',
      /validator_address/,
    ],
    [
      'no commit',
      (whole) => {
        Reflect.deleteProperty(whole, 'commit');
      },
      'SIGNATURE_INVALID',
      /no "commit"/,
    ],
    [
      'no validators',
      (whole) => {
        Reflect.deleteProperty(whole, 'validators');
      },
      'SIGNATURE_INVALID',
      /no "validators"/,
    ],
    [
      'a transaction',
      ({ block: { data } }) => {
        data.txs[0] = 'AAAA';
      },
      'HASH_MISMATCH',
      /data_hash/,
    ],
    [
      'base64 that is not canonical',
      ({ block: { data } }) => {
        data.txs[0] = 'AB==';
      },
      'BLOCK_MALFORMED',
      /txs/,
    ],
    [
      'the last commit',
      ({ block: inner }) => {
        (inner.last_commit as CometbftBlock['commit']).signatures.pop();
      },
      'HASH_MISMATCH',
      /last_commit_hash/,
    ],
    [
      "the last commit's round",
      ({ block: inner }) => {
        (inner.last_commit as CometbftBlock['commit']).round = 1;
      },
      'HASH_MISMATCH',
      /last_commit.round/,
    ],
    [
      "the last commit's height",
      ({ block: inner }) => {
        (inner.last_commit as CometbftBlock['commit']).height = '7';
      },
      'HASH_MISMATCH',
      /last_commit.height/,
    ],
    [
      'a member of the header',
      ({ block: { header } }) => {
        header['x'] = 1;
      },
      'BLOCK_MALFORMED',
      /unknown member "block.header.x"/,
    ],
    [
      'a member beside it',
      (whole) => {
        Object.assign(whole, { x: 1 });
      },
      'BLOCK_MALFORMED',
      /unknown member "x"/,
    ],
    [
      'an older version',
      ({ block: { header } }) => {
        header['version'] = { block: '10' };
      },
      'BLOCK_MALFORMED',
      /block version 10/,
    ],
    [
      'lower case',
      ({ block_id }) => {
        block_id.hash = block_id.hash.toLowerCase();
      },
      'BLOCK_MALFORMED',
      /block_id.hash/,
    ],
  ];
  for (const [title, change, code, message] of reasons)
    assertRefused(t, signed, altered(block, change), [code, message], title);
});

test('Validators are those pinned, and each block says whom it leaves to the next', (t) => {
  const [before, after] = [validatorsOf([5, 4, 3]), validatorsOf([5, 4, 3, 2], 'new')];
  const chain = cometbftChain({ count: 4, validatorsAt: (height) => (height < 2 ? before : after) });
  const described = chain.map((block) => signed.describe(documentOf(block)));
  for (const [at, { nextValidators }] of described.slice(0, -1).entries())
    t.is(nextValidators, described[at + 1]?.validators);
  t.not(described[1]?.validators, described[2]?.validators);
  t.is(signed.authorship, 'carried');
  const pinned = rulesOf({
    commits: 'required',
    validators: [{ from: 0, list: pinnedList(before) }],
  });
  t.is(pinned.authorship, 'pinned');
  // Their list need not be in the document.
  const bare = chain.map((block) => altered(block, (whole) => Reflect.deleteProperty(whole, 'validators')));
  t.false(isSyncError(verdictOf(pinned, bare[1] as Uint8Array)));
  assertRefused(
    t,
    pinned,
    bare[2] as Uint8Array,
    ['VALIDATORS_CHANGED', /pinned from block 0 on; .* from block 2 on/],
    'changed',
  );
  const both = rulesOf({
    commits: 'required',
    validators: [
      { from: 0, list: pinnedList(before) },
      { from: 2, list: pinnedList(after) },
    ],
  });
  for (const document of bare) t.false(isSyncError(verdictOf(both, document)));
});

test('A block whose validators are not those that the block below has named is refused, signed by them or not', async (t) => {
  const [ours, theirs] = [validatorsOf([5, 4, 3]), validatorsOf([1], 'theirs')];
  const honest = cometbftChain({ count: 3, validatorsAt: () => ours });
  // A stranger's whole block on top of ours: its hash, its commit and its list are right in themselves.
  const below = honest[1];
  if (below === undefined) return t.fail();
  const onOurs = cometbftChain({ count: 1, first: 2, below, validatorsAt: () => theirs })[0];
  const chain = await openChain({ storage: { use: 'memory' }, chain: cometbft({ commits: 'required' }) });
  await chain.append(honest.slice(0, 2).map(documentOf));
  t.false(isSyncError(verdictOf(signed, documentOf(onOurs))));
  await t.throwsAsync(chain.append([documentOf(onOurs)]), { code: 'VALIDATORS_CHANGED' });
  await chain.append([documentOf(honest[2])]);
  t.is(chain.tip().head?.height, 2);
  await chain.close();
});

test('What no chain has and takes long to check is refused, and no signature is checked of votes that are not enough', (t) => {
  const [, block] = cometbftChain({ count: 2 });
  if (block === undefined) return t.fail();
  const many = <T>(items: readonly T[]): T[] => Array.from({ length: 10_001 }, () => items[0] as T);
  const votes = many(block.commit.signatures);
  const reasons: [what: string, (block: CometbftBlock) => void, string, RegExp][] = [
    [
      'name',
      (whole) => {
        whole.block.header['chain_id'] = 'é'.repeat(26);
      },
      'BLOCK_MALFORMED',
      /no name of at most 50 bytes in "block.header.chain_id"/,
    ],
    [
      'votes',
      (whole) => {
        whole.commit.signatures = votes;
      },
      'BLOCK_MALFORMED',
      /at most 10000 items in "commit.signatures"/,
    ],
    [
      'votes below',
      (whole) => {
        whole.block.last_commit = { ...whole.commit, signatures: votes };
      },
      'BLOCK_MALFORMED',
      /at most 10000 items in "block.last_commit.signatures"/,
    ],
    [
      'validators',
      (whole) => {
        whole.validators = many(whole.validators);
      },
      'BLOCK_MALFORMED',
      /at most 10000 items in "validators"/,
    ],
    [
      'transactions',
      ({ block: { data } }) => {
        data.txs = Array.from({ length: 262_145 }, () => '');
      },
      'BLOCK_MALFORMED',
      /at most 262144 items in "block.data.txs"/,
    ],
    [
      'false votes',
      ({ commit: { signatures } }) => {
        for (const vote of signatures) vote['signature'] = Buffer.alloc(64).toString('base64');
        for (const vote of signatures.slice(0, 2)) vote['block_id_flag'] = FLAG.nil;
      },
      'SIGNATURE_INVALID',
      /20 of the power of 40/,
    ],
  ];
  for (const [what, change, code, message] of reasons)
    assertRefused(t, signed, altered(block, change), [code, message], what);
});

test('Threads make the same rules, and options are read at the call', async (t) => {
  const list = pinnedList(validatorsOf([1]));
  const plugin = cometbft({ commits: 'required', validators: [{ from: 3, list }] });
  const { createRules } = (await import(plugin.worker?.module ?? '')) as {
    readonly createRules: (options: unknown) => ChainRules;
  };
  const made = createRules(structuredClone(plugin.worker?.options));
  t.deepEqual(made.proves, plugin.create().proves);
  t.is(made.authorship, 'pinned');
  for (const wrong of [
    { commit: 'required' },
    { commits: 'yes' },
    { validators: [{ from: 1, list: [] }] },
    { validators: [{ from: 1, list: [{ key: 'AA==', power: '1' }] }] },
    { validators: [{ from: 1, list: [{ ...list[0], power: '01' }] }] },
    {
      validators: [
        { from: 1, list },
        { from: 1, list },
      ],
    },
  ])
    t.throws(() => cometbft(wrong as CometbftOptions), { instanceOf: TypeError }, JSON.stringify(wrong));
});

test('Answers of a node are joined without what nobody proves, and each value stays as it is spelled', (t) => {
  const [block] = cometbftChain({ count: 1 });
  if (block === undefined) return t.fail();
  const page = (from: number, to: number): Uint8Array =>
    documentOf({
      jsonrpc: '2.0',
      result: {
        validators: block.validators.slice(from, to).map((one) => ({ ...one, proposer_priority: '-9' })),
      },
    });
  const document = cometbftDocument({
    block: documentOf({ jsonrpc: '2.0', result: { block_id: block.block_id, block: block.block } }),
    commit: Buffer.from(
      JSON.stringify({ signed_header: { header: {}, commit: block.commit }, canonical: false }, null, 1),
    ),
    validators: [page(0, 3), page(3, 4)],
  });
  t.false(isSyncError(verdictOf(signed, document)));
  t.false(Buffer.from(document).includes('priority'));
  const answer = documentOf({ jsonrpc: '2.0', result: block });
  assertRefused(t, rulesOf(), answer, ['BLOCK_MALFORMED', /seal --from cometbft/], 'answer');
});
