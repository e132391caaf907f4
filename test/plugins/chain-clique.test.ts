import test, { type ExecutionContext } from 'ava';
import { evmBft, type EvmBftOptions } from '../../plugins/chain-ethereum/index.js';
import type { ValidatorCarrying, ValidatorStep } from '../../src/contracts/index.js';
import { openChain } from '../../src/index.js';
import { createTileVerifier } from '../../src/workers/tile-verifier.js';
import { cliqueBlock, cliqueChain, type CliqueMade, inTurn } from '../helpers/clique-chain.js';
import { type Validator, validator } from '../helpers/qbft-chain.js';
import { tempDir } from '../helpers/temp-dir.js';
import { tileSample } from '../helpers/tile-bodies.js';
import { CLIQUE_CASES, type CliqueCase } from './clique-cases.js';

const LETTERS = Array.from('ABCDEF');
const EPOCH = 10;

const addressOf = (letter: string): string => `0x${letter.toLowerCase().repeat(40)}`;
const listOf = (letters: string): string => Array.from(letters, addressOf).join();

function carryingOf(epochBlocks: number): ValidatorCarrying {
  return evmBft({ epochBlocks }).create().carrying as ValidatorCarrying;
}

/** Takes a block of a case, in turn or out of turn, whichever it is. */
function taken(carrying: ValidatorCarrying, step: ValidatorStep, ballot: object, left: object): object {
  const take = (turn: number): object =>
    carrying.take({ ...step, ballot: JSON.stringify({ ...ballot, turn }) }, left);
  try {
    return take(1);
  } catch (error) {
    if (/difficulty/.test(String(error))) return take(2);
    throw error;
  }
}

function run({ signers, blocks }: CliqueCase, carrying: ValidatorCarrying): object {
  let left = carrying.take({ height: 0, validators: listOf(signers) }, null);
  for (const [index, block] of blocks.split(' ').entries()) {
    const [by = '', action = '', about = ''] = /^(.)([-+=]?)(.*)$/.exec(block)?.slice(1) ?? [];
    const isVote = action === '+' || action === '-';
    const vote = isVote ? { about: addressOf(about), adds: action === '+' } : {};
    const step = { height: index + 1, ...(action === '=' ? { validators: listOf(about) } : {}) };
    left = taken(carrying, step, { by: addressOf(by), ...vote }, left);
  }
  return left;
}

const all = await Promise.all([0, 1, 2, 3, 4].map(validator));
const [a, b, c, d, stranger] = all as [Validator, Validator, Validator, Validator, Validator];
const THREE = [a, b, c];
const FOUR = [...THREE, d];

/** Two of three vote for a fourth in blocks 4 and 5. */
const chain = await cliqueChain(24, { epochBlocks: EPOCH, addFrom: 4 });
const documents = chain.map(({ document }) => document);
const addresses = (signers: readonly Validator[]): readonly string[] => signers.map(({ address }) => address);
const named: EvmBftOptions = {
  epochBlocks: EPOCH,
  validators: [{ from: 0, list: addresses(THREE) }],
};
const at = (height: number): CliqueMade => chain[height] as CliqueMade;
type Opened = Awaited<ReturnType<typeof openChain>>;

async function opened(
  t: ExecutionContext,
  { base = 0, ...options }: EvmBftOptions & { readonly base?: number },
  location?: string,
): Promise<Opened> {
  const storage =
    location === undefined ? ({ use: 'memory' } as const) : ({ use: 'leveldb', location } as const);
  const open = await openChain({ storage, chain: evmBft(options), base });
  t.teardown(() => open.close());
  return open;
}

/** A block in the place of one of the chain, with something else in it. */
async function other(height: number, plan: Partial<Parameters<typeof cliqueBlock>[0]>): Promise<Uint8Array> {
  const signers = height > 5 ? FOUR : THREE;
  const isListed = height % EPOCH === 0;
  return (await cliqueBlock({ height, parent: at(height - 1).hash, signers, isListed, ...plan })).document;
}

for (const each of CLIQUE_CASES) {
  test(`Votes of Clique are counted as EIP-225 has it: ${each.title}`, (t) => {
    const { epoch = 30_000, ends, refused } = each;
    const carrying = carryingOf(epoch);
    if (ends === undefined) {
      t.throws(() => run(each, carrying), { code: 'SIGNATURE_INVALID', message: refused ?? /^$/ });
      return;
    }
    const left = run(each, carrying);
    const height = Math.ceil((each.blocks.split(' ').length + 1) / epoch) * epoch;
    for (const letter of LETTERS) {
      const other = ends.includes(letter)
        ? ends.replace(letter, '')
        : Array.from(ends + letter)
            .toSorted()
            .join('');
      if (other !== '')
        t.throws(() => carrying.take({ height, validators: listOf(other) }, left), {
          code: 'VALIDATORS_CHANGED',
        });
    }
    if (ends !== '') t.notThrows(() => carrying.take({ height, validators: listOf(ends) }, left));
  });
}

test('A chain of Clique is taken whose signers vote for another, and whoever is none or not due is refused', async (t) => {
  const open = await opened(t, named);
  await open.append(documents.slice(0, 5));
  const refused = async (
    document: Uint8Array,
    message: RegExp,
    code = 'SIGNATURE_INVALID',
  ): Promise<void> => {
    await t.throwsAsync(open.append([document]), { code, message });
  };
  await refused(
    await other(5, { signers: FOUR, signer: d, difficulty: 1 }),
    /by 0x.*none of its 3 validators/,
  );
  await open.append(documents.slice(5, 8));
  await refused(await other(8, { signer: stranger, difficulty: 1 }), /none of its 4 validators/);
  await refused(
    await other(8, { signer: at(7).signer, difficulty: 1 }),
    /signed one of the 2 blocks below it/,
  );
  const { signer } = at(8);
  const difficulty = signer === inTurn(FOUR, 8) ? 1 : 2;
  await refused(
    await other(8, { signer, difficulty }),
    /difficulty is \d, though it is (?:not )?its signer's turn/,
  );
  await open.append(documents.slice(8, 10));
  await refused(await other(10, { signers: THREE }), /is missing/, 'VALIDATORS_CHANGED');
  await refused(
    await other(10, { vote: { candidate: d, adds: false } }),
    /a vote in the first block/,
    'BLOCK_MALFORMED',
  );
  await open.append(documents.slice(10));
  t.is(open.tip().head?.hash, chain.at(-1)?.hash);
});

test('What was voted and signed is known after a restart, and after blocks were dropped', async (t) => {
  const dir = tempDir(t);
  const first = await opened(t, named, dir);
  await first.append(documents.slice(0, 5));
  await first.close();
  const again = await opened(t, named, dir);
  await t.throwsAsync(again.append([await other(5, { signer: inTurn(THREE, 4), difficulty: 1 })]), {
    message: /signed one of the 1 blocks below it/,
  });
  await again.append(documents.slice(5));
  await again.rollback({ height: 4, hash: at(4).hash });
  const withoutVote = await cliqueBlock({ height: 5, parent: at(4).hash, signers: THREE });
  const fourth = await cliqueBlock({ height: 6, parent: withoutVote.hash, signers: FOUR, signer: d });
  await again.append([withoutVote.document]);
  await t.throwsAsync(again.append([fourth.document]), { message: /none of its 3 validators/ });
  await again.rollback({ height: 4, hash: at(4).hash });
  await again.append(documents.slice(5));
});

test('A chain that begins inside an epoch takes either outcome of votes until the next one begins', async (t) => {
  const from = await opened(t, { ...named, validators: [{ from: 5, list: addresses(THREE) }], base: 5 });
  await from.append(documents.slice(5));
  const unnamed = await opened(t, { epochBlocks: EPOCH, base: 7 });
  await unnamed.append(documents.slice(7, 11));
  await t.throwsAsync(unnamed.append([await other(11, { signer: stranger, difficulty: 1 })]), {
    message: /none of its 4 validators/,
  });
  const wrong = await opened(t, {
    ...named,
    validators: [{ from: 7, list: addresses(THREE.slice(0, 2)) }],
    base: 7,
  });
  await t.throwsAsync(wrong.append(documents.slice(7)), { message: /none of its 2 validators/ });
});

test('A tile of Clique is checked on a thread, and its signers against those who may sign where it is linked', async (t) => {
  const plugin = evmBft(named);
  const rules = plugin.create();
  const worker = plugin.worker ?? null;
  const tiles = createTileVerifier({
    rules,
    worker,
    threads: 1,
    firstThreadCost: 0,
    maxBlockBytes: 1_000_000,
  });
  t.teardown(() => tiles.close());
  const good = await tileSample(rules, documents);
  const { validators } = await tiles.verify(good.entry, good.body, {});
  t.is(validators?.length, documents.length);
  t.like(JSON.parse(validators?.[4]?.ballot ?? '{}'), { by: inTurn(THREE, 4).address, about: d.address });
  const bad = await tileSample(rules, [
    ...documents.slice(0, 8),
    await other(8, { signer: stranger, difficulty: 1 }),
  ]);
  await t.throwsAsync(tiles.verify(bad.entry, bad.body, {}), { message: /^Block 8 .*none of its 4/ });
});

test('Of a tile that begins inside an epoch the signers are checked where it is linked, up to the first that is none', async (t) => {
  const plugin = evmBft(named);
  const rules = plugin.create();
  const open = await opened(t, named);
  await open.append(documents.slice(0, 13));
  const good = await tileSample(rules, documents.slice(11));
  const linked = open.verifier().tile(await open.verifyTile(good.entry, good.body, {}), null);
  t.is(linked.failure, null);
  t.is(linked.frames.length, 11);
  await open.commit(linked.frames);
  t.is(open.tip().head?.hash, chain.at(-1)?.hash);
  const behind = await opened(t, named);
  await behind.append(documents.slice(0, 11));
  const bad = await tileSample(rules, [
    ...documents.slice(11, 15),
    await other(15, { signer: stranger, difficulty: 1 }),
  ]);
  const checked = await behind.verifyTile(bad.entry, bad.body, {});
  const { frames, failure } = behind.verifier().tile(checked, null);
  t.is(frames.length, 4);
  t.is(failure?.code, 'SIGNATURE_INVALID');
  t.regex(failure?.message ?? '', /^Block 15 .*none of its 4 validators/);
});
