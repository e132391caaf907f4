import test from 'ava';
import { evmBft, type EvmBftOptions } from '../../plugins/chain-ethereum/index.js';
import type { ValidatorCarrying } from '../../src/contracts/index.js';
import { openChain } from '../../src/index.js';
import { type Validator, qbftBlock, type QbftPlan, validator } from '../helpers/qbft-chain.js';
import { ibftBlock, type IbftPlan } from '../helpers/ibft-chain.js';
import { tempDir } from '../helpers/temp-dir.js';

const EPOCH = 8;
const ZERO = `0x${'00'.repeat(32)}`;
const address = (letter: string): string => `0x${letter.toLowerCase().repeat(40)}`;
const listOf = (letters: string): string => Array.from(letters, address).join();

/** A block of IBFT or QBFT: those who may make it, and its vote as `A+E`. */
type Step = readonly [height: number, set: string, vote?: string];

function carryingOf(options: EvmBftOptions = {}): ValidatorCarrying {
  return evmBft({ epochBlocks: EPOCH, ...options }).create().carrying as ValidatorCarrying;
}

function after(steps: readonly Step[], from: object | null | undefined, carrying = carryingOf()): object {
  let left = from;
  for (const [height, set, vote] of steps) {
    const [by = '', action, about = ''] = vote ?? '';
    const ballot = { by: address(by), about: address(about), adds: action === '+' };
    left = carrying.take(
      {
        height,
        validators: listOf(set),
        ...(vote === undefined ? {} : { ballot: JSON.stringify(ballot) }),
      },
      left,
    );
  }
  return left ?? {};
}

const all = await Promise.all([0, 1, 2, 3, 4].map(validator));
const candidate = all[4] as Validator;
const FOUR = all.slice(0, 4);

const refused = (height: number): { readonly code: string; readonly message: RegExp } => ({
  code: 'VALIDATORS_CHANGED',
  message: new RegExp(`^Block ${height} `),
});
const VOTED: readonly Step[] = [
  [0, 'ABCD'],
  [1, 'ABCD', 'A+E'],
  [2, 'ABCD', 'B+E'],
];

test('More than half of the validators have to vote, each counts once, and its newest vote about one is its vote', (t) => {
  const two = after(VOTED, null);
  t.throws(() => after([[3, 'ABCDE']], two), refused(3));
  t.throws(
    () =>
      after(
        [
          [3, 'ABCD', 'B+E'],
          [4, 'ABCDE'],
        ],
        two,
      ),
    refused(4),
  );
  t.throws(
    () =>
      after(
        [
          [3, 'ABCD', 'B-E'],
          [4, 'ABCD', 'C+E'],
          [5, 'ABCDE'],
        ],
        two,
      ),
    refused(5),
  );
  t.throws(
    () =>
      after(
        [
          [3, 'ABCD', 'F+E'],
          [4, 'ABCDE'],
        ],
        two,
      ),
    refused(4),
  );
  const three = after([[3, 'ABCD', 'C+E']], two);
  t.throws(() => after([[4, 'ABCD']], three), refused(4));
  t.throws(() => after([[4, 'ABCDF']], three), refused(4));
  t.notThrows(() =>
    after(
      [
        [4, 'ABCDE'],
        [5, 'ABCDE', 'E-A'],
      ],
      three,
    ),
  );
});

test('Votes end with the epoch, which is there for blocks that are skipped too', (t) => {
  const two = after(VOTED, null);
  t.throws(
    () =>
      after(
        [
          [8, 'ABCD'],
          [9, 'ABCD', 'C+E'],
          [10, 'ABCDE'],
        ],
        two,
      ),
    refused(10),
  );
  t.throws(
    () =>
      after(
        [
          [9, 'ABCD', 'C+E'],
          [10, 'ABCDE'],
        ],
        two,
      ),
    refused(10),
  );
});

test('Votes of a validator that was removed are dropped, and so are those about it', (t) => {
  const voted: readonly Step[] = [
    [0, 'ABCD'],
    [1, 'ABCD', 'D+E'],
    [2, 'ABCD', 'D-A'],
    [3, 'ABCD', 'A-D'],
    [4, 'ABCD', 'B-D'],
    [5, 'ABCD', 'C-D'],
    [6, 'ABC', 'A+E'],
  ];
  const left = after(voted, null);
  t.throws(() => after([[7, 'ABCE']], left), refused(7));
  t.notThrows(() => after([[7, 'ABC', 'B+E']], left));
});

test('Where clients count in two ways, each that fits the chain so far is gone on with', (t) => {
  const atEpoch: readonly Step[] = [
    [0, 'ABCD'],
    [8, 'ABCD', 'A+E'],
    [9, 'ABCD', 'B+E'],
    [10, 'ABCD', 'C+E'],
  ];
  const left = after(atEpoch, null);
  const geth = after([[11, 'ABCDE']], left);
  const besu = after([[11, 'ABCD']], left);
  t.throws(() => after([[12, 'ABCD']], geth), refused(12));
  t.throws(() => after([[12, 'ABCDE']], besu), refused(12));
  t.notThrows(() =>
    after(
      [
        [12, 'ABCD', 'D+E'],
        [13, 'ABCDE'],
      ],
      besu,
    ),
  );
});

test('Inside an epoch whose beginning is not here one vote may be the last that is needed, until the next epoch', (t) => {
  const options = { validators: [{ from: 3, list: Array.from('ABCD', address) }] };
  const carrying = carryingOf(options);
  const started = after([[3, 'ABCD']], null, carrying);
  t.throws(() => after([[4, 'ABCDE']], started, carrying), refused(4));
  const voted = after([[4, 'ABCD', 'A+E']], started, carrying);
  for (const set of ['ABCD', 'ABCDE']) t.notThrows(() => after([[5, set]], voted, carrying));
  for (const set of ['ABCDF', 'BCDE']) t.throws(() => after([[5, set]], voted, carrying), refused(5));
  const known = after(
    [
      [5, 'ABCD'],
      [8, 'ABCD'],
      [9, 'ABCD', 'A+E'],
    ],
    voted,
    carrying,
  );
  t.throws(() => after([[10, 'ABCDE']], known, carrying), refused(10));
});

test('Validators that the configuration names from a height on replace what was voted for', (t) => {
  const carrying = carryingOf({
    validators: [
      { from: 0, list: Array.from('ABCD', address) },
      { from: 4, list: Array.from('EF', address) },
    ],
  });
  const left = after(VOTED, null, carrying);
  t.throws(() => after([[4, 'ABCD']], left, carrying), refused(4));
  const named = after(
    [
      [3, 'ABCD'],
      [4, 'EF'],
    ],
    left,
    carrying,
  );
  t.throws(() => after([[5, 'ABCD']], named, carrying), refused(5));
});

/** Blocks of QBFT on a parent, each with a vote of its proposer for a fifth validator. */
async function voting(
  from: number,
  to: number,
  parent: string,
  plan: Partial<QbftPlan> = {},
): Promise<{ readonly documents: readonly Uint8Array[]; readonly hashes: readonly string[] }> {
  const documents: Uint8Array[] = [];
  const hashes: string[] = [];
  for (let height = from; height <= to; height++) {
    const vote = height === 0 ? {} : { vote: { candidate, adds: true } };
    const next = { height, parent: hashes.at(-1) ?? parent, validators: FOUR, ...vote, ...plan };
    const block = await qbftBlock(next);
    documents.push(block.document);
    hashes.push(block.hash);
  }
  return { documents, hashes };
}

test('Votes that were stored count after a restart, and those of blocks that were dropped do not', async (t) => {
  const location = tempDir(t);
  const list = FOUR.map(({ address: one }) => one);
  const open = async (options: EvmBftOptions = {}): ReturnType<typeof openChain> =>
    openChain({
      storage: { use: 'leveldb', location },
      chain: evmBft({ validators: [{ from: 0, list }], epochBlocks: EPOCH, ...options }),
    });
  const { documents, hashes } = await voting(0, 3, ZERO);
  const grown = await voting(4, 4, hashes[3] as string, { validators: [...FOUR, candidate] });
  const before = await open();
  await before.append(documents.slice(0, 3));
  await before.close();
  const chain = await open();
  await chain.append(documents.slice(3));
  await chain.rollback({ height: 2, hash: hashes[2] as string });
  const silent = await qbftBlock({ height: 3, parent: hashes[2] as string, validators: FOUR });
  await chain.append([silent.document]);
  const early = await voting(4, 4, silent.hash, { validators: [...FOUR, candidate] });
  await t.throwsAsync(chain.append(early.documents), refused(4));
  await chain.rollback({ height: 2, hash: hashes[2] as string });
  await chain.close();
  const again = await open();
  await again.append([...documents.slice(3), ...grown.documents]);
  await again.close();
  // Then votes of before block 2 are gone.
  await t.throwsAsync(open({ epochBlocks: 2 }), {
    code: 'CHAIN_MISMATCH',
    message: /don't fit the chain rules as they are configured now: Block 4 has other validators/,
  });
});

for (const kind of ['IBFT1', 'IBFT2'] as const) {
  test(`Votes in headers of ${kind} add a validator and take one away, across a restart`, async (t) => {
    const location = tempDir(t);
    const list = FOUR.map(({ address: one }) => one);
    const open = (): ReturnType<typeof openChain> =>
      openChain({
        storage: { use: 'leveldb', location },
        chain: evmBft({ validators: [{ from: 0, list }], epochBlocks: EPOCH }),
      });
    let parent = ZERO;
    const make = async (height: number, plan: Partial<IbftPlan>): Promise<Uint8Array> => {
      const made = await ibftBlock({ kind, height, parent, validators: FOUR, ...plan });
      if (plan.validators === undefined || height > 4) parent = made.hash;
      return made.document;
    };
    const adds = { vote: { candidate, adds: true } };
    const grown = { validators: [...FOUR, candidate] };
    const before = await open();
    await before.append([await make(0, {}), await make(1, adds), await make(2, adds)]);
    await t.throwsAsync(before.append([await make(3, grown)]), refused(3));
    await before.close();
    const after = await open();
    t.teardown(() => after.close());
    await after.append([await make(3, adds)]);
    const without = await ibftBlock({ kind, height: 4, parent, validators: FOUR });
    await t.throwsAsync(after.append([without.document]), refused(4));
    const drops = { ...grown, vote: { candidate, adds: false } };
    const fourth = await ibftBlock({ kind, height: 4, parent, ...drops });
    parent = fourth.hash;
    await after.append([fourth.document, await make(5, drops), await make(6, drops)]);
    await after.append([(await ibftBlock({ kind, height: 7, parent, validators: FOUR })).document]);
    t.is(after.tip().head?.height, 7);
  });
}
