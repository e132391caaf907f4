import { randomBytes } from 'node:crypto';
import test from 'ava';
import type { WireItem } from '../../src/contracts/index.js';
import { isSyncError, SyncError } from '../../src/errors/index.js';
import { blocksOn, refAt, sourceChain } from './follow-support.js';
import { asFrames, completeAt, notMine, RULES, short, tellAll } from './session-support.js';

test('each block that becomes durable is in one fact, in order, in batches that are within the bounds', async (t) => {
  const chain = await sourceChain(t, 2);
  const documents = blocksOn(chain.tip().head, 10, 'more');
  const reads = [asFrames(documents.slice(0, 4)), asFrames(documents.slice(4))];
  const { facts, error } = await tellAll(chain, [{ reads }]);
  t.is(error, undefined);
  const told = facts.flatMap((fact) => (fact.kind === 'durable' ? fact.frames : []));
  t.deepEqual(
    told.map(({ header }) => header.height),
    [2, 3, 4, 5, 6, 7, 8, 9, 10, 11],
  );
  t.true(facts.every((fact) => fact.kind === 'durable' && fact.frames.length <= 3));
});

test('a branch that takes the place of ours is told as one drop, then its blocks', async (t) => {
  const chain = await sourceChain(t, 6);
  const common = await refAt(chain, 3);
  const failure = await notMine(t, chain, [1]);
  const shared = await Promise.all([2, 3].map(async (height) => (await chain.get(height))?.bytes));
  const documents = [...shared.flatMap((bytes) => bytes ?? []), ...blocksOn(common, 3, 'second')];
  const { facts, asked, error } = await tellAll(chain, [
    { reads: [], failure },
    { reads: [asFrames(documents)] },
  ]);
  t.is(error, undefined);
  t.deepEqual(asked, [5, 1]);
  t.deepEqual(short(facts), ['- 5 4 to 3', '+ 4 5 6']);
});

test('nothing of ours is dropped for a branch that ends below it; that is told once', async (t) => {
  const chain = await sourceChain(t, 6);
  const { head } = chain.tip();
  const failure = await notMine(t, chain, [3]);
  const documents = blocksOn(await refAt(chain, 3), 1, 'second');
  const fork = { reads: [], failure };
  for (const [reads, follow, wanted] of [
    [[asFrames(documents)], false, ['fork shorter']],
    [[asFrames(documents), [completeAt(await refAt(chain, 4))]], true, ['held', 'fork shorter']],
  ] as const) {
    const { facts, error } = await tellAll(chain, [fork, { reads }], { follow });
    t.true(isSyncError(error, 'FORKED'));
    t.deepEqual(short(facts), wanted);
    t.deepEqual(chain.tip().head, head);
  }
});

test('a chain that forks while it is read is told as one that may pass, and its branch is taken once only', async (t) => {
  const chain = await sourceChain(t, 6);
  const failure = await notMine(t, chain, [3]);
  const answers = [
    { reads: [], failure },
    { reads: [], failure },
  ];
  const { facts, asked, error } = await tellAll(chain, answers);
  t.true(isSyncError(error, 'FORKED'));
  t.deepEqual(asked, [5, 3]);
  t.deepEqual(short(facts), ['fork replaced']);
});

test('live comes after what came before it is durable; what a peer takes back is held until it is replaced, and told as one drop', async (t) => {
  const chain = await sourceChain(t, 3);
  const parent = await refAt(chain, 2);
  const source = await sourceChain(t, 3);
  await source.append(blocksOn(parent, 3, 'a'));
  const tip = await refAt(source, 5);
  const documents = blocksOn(parent, 3, 'a');
  const reads: (readonly WireItem[])[] = [
    [...asFrames(documents), completeAt(tip), ...asFrames(blocksOn(tip, 1, 'b'))],
    [{ kind: 'rollback', to: await refAt(source, 4) }, ...asFrames(blocksOn(await refAt(source, 4), 1, 'c'))],
    asFrames(blocksOn(await refAt(source, 4), 2, 'c').slice(1)),
    [
      { kind: 'rollback', to: await refAt(source, 4) },
      { kind: 'rollback', to: await refAt(source, 4) },
    ],
  ];
  const { facts, error } = await tellAll(chain, [{ reads }], { follow: true });
  t.true(isSyncError(error, 'FORKED'));
  const taken = ['held', '- 6 5 to 4', '+ 5 6'];
  t.deepEqual(short(facts), ['+ 3 4 5', 'live', '+ 6', ...taken, 'held', 'held', 'fork shorter']);
  t.is(chain.tip().head?.height, 6);
});

test('a rollback is refused where nothing is followed, and where the block was never sent', async (t) => {
  const chain = await sourceChain(t, 3);
  const other = { height: 1, hash: 'f'.repeat(64) };
  for (const [to, follow] of [
    [await refAt(chain, 1), false],
    [other, true],
  ] as const) {
    const { facts, error } = await tellAll(chain, [{ reads: [[{ kind: 'rollback', to }]] }], { follow });
    t.true(isSyncError(error, 'PROTOCOL_VIOLATION'));
    t.deepEqual(facts, []);
  }
  t.is(chain.tip().head?.height, 2);
});

test('the newest block once more is told as a repeat, and left out', async (t) => {
  const chain = await sourceChain(t, 3);
  const bytes = (await chain.get(2))?.bytes ?? new Uint8Array(0);
  const documents = [bytes, ...blocksOn(await refAt(chain, 2), 1, 'a')];
  const { facts } = await tellAll(chain, [{ reads: [asFrames(documents)] }]);
  t.deepEqual(short(facts), ['repeat', '+ 3']);
});

test('a branch that would drop more confirmed blocks than it may is refused, unless it is the one that was consented to', async (t) => {
  const chain = await sourceChain(t, 80);
  const common = await refAt(chain, 9);
  const documents = blocksOn(common, 75, 'deep');
  const failure = await notMine(t, chain, [9]);
  const answers = [{ reads: [], failure }, { reads: [asFrames(documents)] }];
  const { facts, error } = await tellAll(chain, answers);
  t.true(isSyncError(error, 'ROLLBACK_TOO_DEEP'));
  t.regex(String(error), /block 9 [0-9a-f]{64} and would drop 70 confirmed blocks, more than 64/);
  t.deepEqual(facts, []);
  const other = { height: 12, hash: 'f'.repeat(64) };
  const wrong = await tellAll(chain, answers, { branches: { ...RULES, acceptRollback: other } });
  t.true(isSyncError(wrong.error, 'ROLLBACK_TOO_DEEP'));
  t.deepEqual(wrong.facts, []);
  const source = await sourceChain(t, 10);
  await source.append(documents);
  const acceptRollback = await refAt(source, 40);
  const consented = await tellAll(chain, answers, { branches: { ...RULES, acceptRollback } });
  t.is(consented.error, undefined);
  t.is(chain.tip().head?.height, 84);
  t.is(chain.tip().head?.hash, source.tip().head?.hash);
});

test('a peer whose rollbacks are trusted is followed at once, also to a shorter branch, but not too deep', async (t) => {
  const chain = await sourceChain(t, 90);
  const back = async (height: number): Promise<WireItem> => ({
    kind: 'rollback',
    to: await refAt(chain, height),
  });
  const reads = [[await back(80)], asFrames(blocksOn(await refAt(chain, 80), 1, 'short'))];
  const more = { follow: true, trustsRollbacks: true };
  const { facts, error } = await tellAll(chain, [{ reads }], more);
  t.is(error, undefined);
  t.deepEqual(short(facts), ['- 89 88 87 86 85 84 83 82 81 to 80', '+ 81']);
  const deep = await tellAll(chain, [{ reads: [[await back(5)]] }], more);
  t.true(isSyncError(deep.error, 'ROLLBACK_TOO_DEEP'));
  t.is(chain.tip().head?.height, 81);
});

test('a branch whose bodies are more than may be held is fetched again, and taken in one step', async (t) => {
  const chain = await sourceChain(t, 4);
  const noise = (): object => ({ noise: randomBytes(3 * 1024 * 1024).toString('hex') });
  const documents = blocksOn(await refAt(chain, 1), 5, 'large', noise);
  const failure = await notMine(t, chain, [1]);
  const answers = [
    { reads: [], failure },
    { reads: documents.map((document) => asFrames([document])) },
    { reads: documents.map((document) => asFrames([document])) },
  ];
  const { facts, asked, error } = await tellAll(chain, answers, {
    branches: {
      ...RULES,
      takesTie: () => false,
      isPreferred: ({ head }) => Promise.resolve(head.height === 6),
    },
  });
  t.is(error, undefined);
  t.deepEqual(asked, [3, 1]);
  t.deepEqual(short(facts), ['- 3 2 to 1', '+ 2 3 4', '+ 5', '+ 6']);
});

test('a peer that goes back again and again and replaces nothing is left; what is replaced does not count', async (t) => {
  const chain = await sourceChain(t, 10);
  const to = await refAt(chain, 8);
  const back: WireItem = { kind: 'rollback', to };
  const { error, facts } = await tellAll(chain, [{ reads: Array.from({ length: 30 }, () => [back]) }], {
    follow: true,
  });
  t.true(isSyncError(error, 'PEER_INCONSISTENT'));
  t.is(facts.filter(({ kind }) => kind === 'held').length, 11);
  t.is(chain.tip().head?.height, 9);
  const forks: (readonly WireItem[])[] = [];
  for (let round = 0; round < 30; round++) forks.push([back, ...asFrames(blocksOn(to, 1, `round ${round}`))]);
  const replaced = await tellAll(chain, [{ reads: forks }], { follow: true });
  t.is(replaced.error, undefined);
  t.is(short(replaced.facts).filter((fact) => fact === '- 9 to 8').length, 30);
});

test('consent to a branch counts no more once the peer has taken the block back that it was given for', async (t) => {
  const chain = await sourceChain(t, 80);
  const common = await refAt(chain, 9);
  const source = await sourceChain(t, 10);
  await source.append(blocksOn(common, 3, 'deep'));
  const acceptRollback = await refAt(source, 12);
  const failure = await notMine(t, chain, [9]);
  const reads: (readonly WireItem[])[] = [
    asFrames(blocksOn(common, 3, 'deep')),
    [{ kind: 'rollback', to: common }],
    asFrames(blocksOn(common, 75, 'other')),
  ];
  const answers = [{ reads: [], failure }, { reads }];
  const branches = { ...RULES, acceptRollback };
  const { error } = await tellAll(chain, answers, { branches, follow: true });
  t.true(isSyncError(error, 'ROLLBACK_TOO_DEEP'));
  t.is(chain.tip().head?.height, 79);
});

test('what is followed and ends in good order is asked for again behind the head, and only if it may be', async (t) => {
  const source = await sourceChain(t, 4);
  const documents = blocksOn(null, 4, 'first');
  const first = [...asFrames(documents.slice(0, 2)), completeAt(await refAt(source, 1))];
  const second = [...asFrames(documents.slice(2)), completeAt(await refAt(source, 3))];
  for (const [ends, wanted, blocks] of [
    [[true, false], [undefined, 1], 4],
    [[false], [undefined], 2],
  ] as const) {
    const chain = await sourceChain(t, 0);
    const left: boolean[] = [...ends];
    const reopens = (): boolean => left.shift() ?? false;
    const answers = [{ reads: [first] }, { reads: [second] }];
    const { facts, asked, error } = await tellAll(chain, answers, { follow: true, reopens });
    t.true(isSyncError(error, 'STREAM_TRUNCATED'));
    t.deepEqual(asked, [...wanted]);
    t.is(chain.tip().head?.height, blocks - 1);
    t.is(short(facts).filter((fact) => fact === 'live').length, wanted.length);
  }
});

test('a branch that the peer has changed to meanwhile is taken when its stream is asked for again', async (t) => {
  const chain = await sourceChain(t, 6);
  const common = await refAt(chain, 3);
  const failure = await notMine(t, chain, [3]);
  const live = { reads: [[completeAt(await refAt(chain, 5))]] };
  const branch = { reads: [asFrames(blocksOn(common, 3, 'second'))] };
  const more = { follow: true, reopens: () => true };
  const { facts, asked } = await tellAll(chain, [live, { reads: [], failure }, branch], more);
  t.deepEqual(asked.slice(0, 3), [5, 5, 3]);
  t.deepEqual(short(facts).slice(0, 3), ['live', '- 5 4 to 3', '+ 4 5 6']);
});

test('a branch of more bytes than go into one batch is refused before it is whole, and ours is kept', async (t) => {
  const chain = await sourceChain(t, 6);
  const common = await refAt(chain, 1);
  const head = chain.tip().head;
  const failure = await notMine(t, chain, [1]);
  const documents = blocksOn(common, 12, 'large');
  const total = documents.reduce((sum, { byteLength }) => sum + byteLength, 0);
  const reads = documents.map((document) => asFrames([document]));
  const branches = { ...RULES, maxBranchBytes: Math.floor(total / 4) };
  const { facts, error } = await tellAll(chain, [{ reads: [], failure }, { reads }], { branches });
  t.true(isSyncError(error, 'BRANCH_TOO_LARGE'), String(error));
  t.deepEqual(short(facts), []);
  t.deepEqual(chain.tip().head, head);
});

test('a branch of one block may have any size', async (t) => {
  const chain = await sourceChain(t, 6);
  const common = await refAt(chain, 4);
  const failure = await notMine(t, chain, [4]);
  const [document] = blocksOn(common, 1, 'other');
  const branches = { ...RULES, maxBranchBytes: 1 };
  const reads = [asFrames(document === undefined ? [] : [document])];
  const { facts, error } = await tellAll(chain, [{ reads: [], failure }, { reads }], { branches });
  t.is(error, undefined);
  t.deepEqual(short(facts), ['- 5 to 4', '+ 5']);
});

test('a live peer that is on another branch in its next answer is asked for that, and left when it names the block that it denies', async (t) => {
  const chain = await sourceChain(t, 6);
  const head = await refAt(chain, 5);
  const ancestors = [await refAt(chain, 3)];
  const live = [completeAt(head)];
  const forked = new SyncError('FORKED', 'another branch', { ancestors });
  const documents = blocksOn(await refAt(chain, 3), 4, 'second');
  const followed = { follow: true, reopens: () => false, isOver: () => true };
  const reads = [asFrames(documents)];
  const taken = await tellAll(chain, [{ reads: [live], failure: forked }, { reads }], followed);
  t.deepEqual(taken.asked, [5, 3]);
  t.deepEqual(short(taken.facts), ['live', 'held', '- 5 4 to 3', '+ 4 5 6 7']);

  const ours = await refAt(chain, 7);
  const denied = new SyncError('FORKED', 'another branch', { ancestors: [ours] });
  const answers = [
    { reads: [[completeAt(ours)]], failure: denied },
    { reads: [], failure: denied },
  ];
  const refused = await tellAll(chain, answers, followed);
  t.deepEqual(refused.asked, [7, 7], 'it is asked once more, and not again and again');
  t.true(isSyncError(refused.error, 'FORKED'));
});
