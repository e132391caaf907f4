import { type Input, RLP } from '@ethereumjs/rlp';
import test, { type ExecutionContext } from 'ava';
import { evmBft, type EvmBftOptions } from '../../plugins/chain-ethereum/index.js';
import { openChain } from '../../src/index.js';
import { chainRulesCompliance } from '../../src/testing/compliance/chain-rules.js';
import { createTileVerifier } from '../../src/workers/tile-verifier.js';
import { refusalBy } from '../helpers/evm-vectors.js';
import { qbftBlock, qbftChain, type QbftPlan, type Validator, validator } from '../helpers/qbft-chain.js';
import { tempDir } from '../helpers/temp-dir.js';
import { tileSample } from '../helpers/tile-bodies.js';

const chain = await qbftChain(24, { addFrom: 5, removeFrom: 14 });
const strangers = await Promise.all([20, 21, 22, 23].map(validator));
const addresses = (validators: readonly Validator[]): readonly string[] =>
  validators.map(({ address }) => address);
const named: EvmBftOptions = { validators: [{ from: 0, list: addresses(chain.first) }] };
const ends = chain.documents.at(-1) as Uint8Array;
const next = (plan: Partial<QbftPlan>): Promise<{ readonly document: Uint8Array; readonly hash: string }> =>
  qbftBlock({ height: 24, parent: chain.head, validators: chain.last, ...plan });

/** From the last epoch on, which begins with block 20. */
const lately: EvmBftOptions = {
  validators: [{ from: 20, list: addresses(chain.last) }],
  epochBlocks: 20,
};

type Opened = Awaited<ReturnType<typeof openChain>>;

async function opened(
  t: ExecutionContext,
  options: EvmBftOptions,
  { location, base = 0 }: { readonly location?: string; readonly base?: number } = {},
): Promise<Opened> {
  const storage =
    location === undefined ? ({ use: 'memory' } as const) : ({ use: 'leveldb', location } as const);
  const made = await openChain({ storage, chain: evmBft(options), base });
  t.teardown(() => made.close());
  return made;
}

for (const item of chainRulesCompliance({
  rules: evmBft({ ...named, members: 'known' }).create(),
  documents: chain.documents.slice(0, 6),
})) {
  test(`${item.id} ${item.title}`, async (t) => {
    await t.notThrowsAsync(item.run());
  });
}

test('A chain whose validators change by vote is taken from those that are named, and says what is proved', async (t) => {
  t.deepEqual(chain.changes, [8, 17]);
  const made = await opened(t, named);
  await made.append(chain.documents);
  t.is(made.tip().head?.hash, chain.head);
  t.is(made.authorship, 'carried');
  t.deepEqual(made.proves, [
    'header',
    'links',
    'uncles',
    'transactions',
    'withdrawals',
    'seals',
    'validators',
  ]);
});

test('Without names a block proves only that somebody has the keys that it lists', async (t) => {
  const made = await opened(t, {});
  await made.append(chain.documents.slice(0, 10));
  t.is(made.authorship, 'self-declared');
  t.false(made.proves.includes('validators'));
});

test('Validators that replace all others are refused by height, though they have sealed their block', async (t) => {
  const { document } = await next({ validators: strangers });
  t.is(refusalBy(evmBft(named).create(), document), null);
  const made = await opened(t, lately, { base: 20 });
  await made.append(chain.documents.slice(20));
  const error = { code: 'VALIDATORS_CHANGED', message: /^Block 24 has other validators.*from height 24 on/ };
  await t.throwsAsync(made.append([document]), error);
  t.is(made.tip().head?.height, 23);
  await made.append([(await next({})).document]);
});

test('A validator more for whom nobody, or half of the others, has voted is refused', async (t) => {
  const made = await opened(t, lately, { base: 20 });
  await made.append(chain.documents.slice(20));
  const validators = [...chain.last.slice(0, 3), ...strangers.slice(0, 1)];
  const swapped = await next({ validators, sealers: validators.slice(1) });
  await t.throwsAsync(made.append([swapped.document]), {
    code: 'VALIDATORS_CHANGED',
    message: /1 were added and 1 removed/,
  });
  const [candidate] = strangers as [Validator, ...Validator[]];
  const grown = [...chain.last, candidate];
  let parent = chain.head;
  for (const height of [24, 25]) {
    const all = await next({ height, parent, validators: grown });
    await t.throwsAsync(made.append([all.document]), {
      code: 'VALIDATORS_CHANGED',
      message: new RegExp(
        `^Block ${height} .*${candidate.address} was added; ${height - 24} of 4 validators`,
      ),
    });
    const voting = await next({ height, parent, vote: { candidate, adds: true } });
    await made.append([voting.document]);
    parent = voting.hash;
  }
  await t.throwsAsync(made.append([(await next({ height: 26, parent, validators: grown })).document]), {
    message: /2 of 4 validators have voted/,
  });
  const third = await next({ height: 26, parent, vote: { candidate, adds: true } });
  await made.append([third.document]);
  const without = await next({ height: 27, parent: third.hash });
  await t.throwsAsync(made.append([without.document]), { message: /is missing; 0 of 5/ });
  await made.append([(await next({ height: 27, parent: third.hash, validators: grown })).document]);
});

test('A store that is opened again goes on from the validators of its newest block', async (t) => {
  const place = { location: tempDir(t), base: 20 };
  const first = await opened(t, lately, place);
  await first.append(chain.documents.slice(20));
  await first.close();
  const again = await opened(t, lately, place);
  const { document } = await next({ validators: strangers });
  await t.throwsAsync(again.append([document]), { code: 'VALIDATORS_CHANGED' });
  await again.append([(await next({})).document]);
});

test('Where changes have to be named, one that is not is refused, and one that is named is taken', async (t) => {
  const strict = { ...named, validatorChanges: 'pinned' } as const;
  const made = await opened(t, strict);
  await t.throwsAsync(made.append(chain.documents), { code: 'VALIDATORS_CHANGED', message: /^Block 8 / });
  const rules = evmBft(named).create();
  const entries = [0, 8, 17].map((from) => {
    const { validators = '' } = rules.describe(chain.documents[from] as Uint8Array);
    return { from, list: validators.split(',') };
  });
  const complete = await opened(t, { ...strict, validators: entries });
  await complete.append(chain.documents);
  t.is(complete.authorship, 'pinned');
});

test('A chain that begins above the names must begin with validators that are named', async (t) => {
  const base = 20;
  const above = await opened(t, named, { base });
  await t.throwsAsync(above.append(chain.documents.slice(base)), {
    code: 'VALIDATORS_CHANGED',
    message: /name those from 20 on/,
  });
  const list = addresses(chain.last).map((address) => address.toUpperCase().replace('0X', '0x'));
  const from = await opened(t, { validators: [{ from: base, list }] }, { base });
  await from.append(chain.documents.slice(base));
});

test('Validators that a contract has are taken from the configuration', async (t) => {
  const made = await opened(t, {
    validators: [
      { from: 0, list: addresses(chain.first) },
      { from: 2, list: addresses(strangers) },
    ],
  });
  const genesis = await qbftBlock({ height: 0, parent: `0x${'00'.repeat(32)}`, validators: chain.first });
  const one = await qbftBlock({ height: 1, parent: genesis.hash, validators: chain.first, isListed: false });
  const wrong = await qbftBlock({ height: 2, parent: one.hash, validators: chain.first, isListed: false });
  const two = await qbftBlock({ height: 2, parent: one.hash, validators: strangers, isListed: false });
  await made.append([genesis.document, one.document]);
  await t.throwsAsync(made.append([wrong.document]), { code: 'SIGNATURE_INVALID' });
  await made.append([two.document]);
  const unnamed = refusalBy(evmBft().create(), one.document);
  t.is(unnamed?.code, 'VALIDATORS_CHANGED');
  t.regex(unnamed?.message ?? '', /a contract has them/);
});

test('A tile is checked for its validators on threads as here, and within it', async (t) => {
  const plugin = evmBft(named);
  const rules = plugin.create();
  const swapped = await qbftBlock({ height: 24, parent: chain.head, validators: strangers });
  for (const [worker, threads] of [
    [plugin.worker ?? null, 1],
    [null, 0],
  ] as const) {
    const tiles = createTileVerifier({
      rules,
      worker,
      threads,
      firstThreadCost: 0,
      maxBlockBytes: 1_000_000,
    });
    t.teardown(() => tiles.close());
    const good = await tileSample(rules, chain.documents);
    const { validators } = await tiles.verify(good.entry, good.body, {});
    t.is(validators?.[0]?.validators, rules.describe(chain.documents[0] as Uint8Array).validators);
    t.deepEqual(
      validators?.flatMap(({ height, ballot }) => (ballot === undefined ? [height] : [])),
      [0, ...chain.changes],
    );
    const bad = await tileSample(rules, [...chain.documents, swapped.document]);
    await t.throwsAsync(tiles.verify(bad.entry, bad.body, {}), {
      code: 'VALIDATORS_CHANGED',
      message: /^Block 24 /,
    });
  }
});

test('Blocks of other families are refused by name, with the way on', (t) => {
  const rules = evmBft().create();
  const block = JSON.parse(Buffer.from(ends).toString()) as Record<string, unknown>;
  const said = (changes: object): string => {
    const found = refusalBy(rules, Buffer.from(JSON.stringify({ ...block, ...changes })));
    return found?.code === 'BLOCK_MALFORMED' ? found.message : '';
  };
  t.regex(said({ extDataHash: `0x${'00'.repeat(32)}` }), /Avalanche.*linked:number,hash,parentHash/);
  t.regex(said({ sendRoot: `0x${'00'.repeat(32)}` }), /Arbitrum/);
  t.regex(said({ l1BatchNumber: '0x1' }), /ZKsync/);
  t.regex(
    said({ mixHash: `0x${'00'.repeat(32)}`, extraData: '0x' }),
    /proof of work or stake, of CometBFT or of an L2/,
  );
  // vanity, then a list of four: [[], "", [], ""]
  t.regex(said({ extraData: `0x${'00'.repeat(32)}c4c080c080` }), /HotStuff/);
});

test('Forms that other tools make of a block get a hint', (t) => {
  const rules = evmBft().create();
  const text = Buffer.from(ends).toString();
  const block = JSON.parse(text) as { miner: string; number: string };
  const said = (document: string): string => refusalBy(rules, Buffer.from(document))?.message ?? '';
  t.regex(said(`{"jsonrpc":"2.0","id":1,"result":${text}}`), /jq -c \.result/);
  t.regex(said(text.replace(block.miner, block.miner.toUpperCase().replace('0X', '0x'))), /EIP-55/);
  t.regex(said(text.replace(`"number":"${block.number}"`, '"number":"23"')), /decimal string/);
});

test('More than any chain has is refused before a key is recovered, or all of it is read', async (t) => {
  const rules = evmBft().create();
  const block = JSON.parse(Buffer.from(ends).toString()) as Record<string, unknown>;
  const refused = (extraData: string, changes: object = {}): string => {
    const document = Buffer.from(JSON.stringify({ ...block, extraData, ...changes }));
    return refusalBy(rules, document)?.message ?? '';
  };
  const extra = (items: Input[]): string => `0x${Buffer.from(RLP.encode(items)).toString('hex')}`;
  const vanity = Buffer.alloc(32);
  const address = Buffer.alloc(20, 1);
  const list = (count: number, item: Uint8Array): Input[] => Array.from({ length: count }, () => item);
  t.regex(
    refused(extra([vanity, list(1025, address), [], new Uint8Array(), []])),
    /names 1025 validators, more than 1024/,
  );
  t.regex(
    refused(extra([vanity, list(1024, address), [], new Uint8Array(), list(1100, address)])),
    /no canonical RLP list/,
  );
  const clique = { mixHash: `0x${'00'.repeat(32)}`, difficulty: '0x1', number: '0x0' };
  const signers = `0x${'00'.repeat(32)}${'01'.repeat(20 * 1025)}${'00'.repeat(65)}`;
  t.regex(refused(signers, clique), /names 1025 validators/);
  const sealers = [strangers[0] as Validator, strangers[1] as Validator];
  const { document } = await next({ validators: chain.first, sealers });
  t.regex(refusalBy(rules, document)?.message ?? '', /has 2 commit seals; 4 validators need 3/);
});

test('Options that do not fit are refused', (t) => {
  const list = addresses(strangers);
  for (const options of [
    { validators: [{ from: 0, list: [] }] },
    { validators: [{ from: 0, list: ['0x12'] }] },
    {
      validators: [
        { from: 5, list },
        { from: 5, list },
      ],
    },
    { validators: [{ from: 0, list: [...list, ...list] }] },
    { quorum: 'all' },
    { epoch: 3 },
  ])
    t.throws(() => evmBft(options as EvmBftOptions), { instanceOf: TypeError }, JSON.stringify(options));
});
