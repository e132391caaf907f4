import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { evmBft } from '../../plugins/chain-ethereum/index.js';
import { type Chain, createSyncEngine, openChain } from '../../src/index.js';
import { isSyncError } from '../../src/errors/index.js';
import { mockPeer } from '../../src/testing/index.js';
import { qbftBlock, type Validator, validator } from '../helpers/qbft-chain.js';
import { tempDir } from '../helpers/temp-dir.js';

/** More than may be rolled back without consent: of those above it only, the store's validators are read when it is opened. */
const BLOCKS = 140;
/** One of those that a server names to a client that is at the head: 127 blocks below it. */
const COMMON = 13;

const [one, two, stranger] = (await Promise.all([0, 1, 2].map(validator))) as [
  Validator,
  Validator,
  Validator,
];
const OWNERS = [one, two];
const addresses = OWNERS.map(({ address }) => address);
const chain = evmBft({ validators: [{ from: 0, list: addresses }], validatorChanges: 'carried' });

interface Made {
  readonly hash: string;
  readonly document: Uint8Array;
}

/** Blocks of validators, on others; one vote, which is not enough, is above those that the branches share. */
async function blocksOn(
  below: readonly Made[],
  to: number,
  validators: readonly Validator[],
): Promise<readonly Made[]> {
  const made = [...below];
  for (let height = below.length; height <= to; height++) {
    const parent = made.at(-1)?.hash ?? `0x${'00'.repeat(32)}`;
    const vote = height === COMMON + 5 ? { vote: { candidate: stranger, adds: true } } : {};
    made.push(await qbftBlock({ height, parent, validators, ...vote }));
  }
  return made;
}

const ours = await blocksOn([], BLOCKS, OWNERS);
const theirs = await blocksOn(ours.slice(0, COMMON + 1), BLOCKS + 2, [stranger]);
const documentsOf = (blocks: readonly Made[]): readonly Uint8Array[] =>
  blocks.map(({ document }) => document);

/** A store that is opened again. */
async function reopened(t: ExecutionContext): Promise<string> {
  const location = join(tempDir(t), 'node');
  const first = await openChain({ storage: { use: 'leveldb', location }, chain });
  await first.append(documentsOf(ours));
  await first.close();
  return location;
}

async function open(t: ExecutionContext, location: string): Promise<Chain> {
  const opened = await openChain({ storage: { use: 'leveldb', location }, chain });
  t.teardown(() => opened.close());
  return opened;
}

test('Whoever goes back far takes no block of validators that the block below did not leave', async (t) => {
  const again = await open(t, await reopened(t));
  await again.rollback({ height: COMMON, hash: ours[COMMON]?.hash ?? '' });
  const [first] = documentsOf(theirs.slice(COMMON + 1));
  await t.throwsAsync(again.append([first ?? new Uint8Array()]), { code: 'VALIDATORS_CHANGED' });
  await again.append(documentsOf(ours.slice(COMMON + 1)));
  t.is(again.tip().head?.height, BLOCKS);
});

test('A branch that was consented to, and begins deep, has to have the validators that ours left there', async (t) => {
  const location = await reopened(t);
  // What the peer serves it takes for right: its own rules name nobody.
  await using peer = await mockPeer([], {
    chain: evmBft({
      validators: [
        { from: 0, list: addresses },
        { from: COMMON + 1, list: [stranger.address] },
      ],
    }),
  });
  await peer.chain.append(documentsOf(theirs));
  const last = theirs.at(-1)?.hash ?? '';
  const engine = createSyncEngine({
    peers: [peer.url],
    chain,
    storage: { use: 'leveldb', location },
    acceptRollback: { height: BLOCKS + 2, hash: last },
    retry: { maxAttempts: 1 },
  });
  const error = await engine.start().then(
    () => null,
    (reason: unknown) => reason,
  );
  t.is(engine.chain?.tip().head?.hash, ours.at(-1)?.hash);
  t.true(isSyncError(error), String(error));
  t.regex(String(error), /VALIDATORS_CHANGED|other validators/);
  await engine.close();
});
