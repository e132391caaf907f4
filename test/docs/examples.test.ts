import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { memoryStorage } from '../../plugins/storage-memory/index.js';
import { type Checkpoint, type Frame, isSyncError, openChain } from '../../src/index.js';
import { seal, SEALED_JSON_GENESIS } from '../../plugins/chain-sealed-json/index.js';
import { fixtureFrames } from '../../src/testing/fixture-frames.js';
import { chainRulesCompliance, codecCompliance, storageCompliance } from '../../src/testing/index.js';
import { ledger, type Transaction } from '../../examples/ledger.js';
import { consortium } from '../../examples/plugin-chain-rules.js';
import { summed } from '../../examples/plugin-codec.js';
import { audited, type AuditTrail } from '../../examples/plugin-storage.js';
import { sealedChain } from '../helpers/sealed-chain.js';
import { projectRoot } from '../helpers/shared.js';

/** A sealed chain of blocks with these authors. */
function documentsBy(authors: readonly string[]): Uint8Array[] {
  let previousHash = SEALED_JSON_GENESIS;
  return authors.map((author, height) => {
    const block = seal(Buffer.from(JSON.stringify({ author, records: [6] })), { height, previousHash });
    previousHash = block.hash;
    return block.document;
  });
}

for (const codecCase of codecCompliance({ codec: summed().create() })) {
  // It does not compress, so no input can expand in it.
  if (codecCase.id === 'CO-15') continue;
  test(`the codec of the documentation: ${codecCase.id} ${codecCase.title}`, async (t) => {
    await t.notThrowsAsync(() => codecCase.run());
  });
}

test('the codec of the documentation keeps the document readable and ends with its SHA-256', (t) => {
  const document = Buffer.from('{"a":1}');
  const encoded = Buffer.from(summed().create().encode(document));
  t.deepEqual(encoded.subarray(0, 7), document);
  t.deepEqual(encoded.subarray(7), createHash('sha256').update(document).digest());
});

const rules = consortium(['ada', 'grace']).create();
for (const rulesCase of chainRulesCompliance({ rules, documents: documentsBy(['ada', 'grace']) })) {
  test(`the chain rules of the documentation: ${rulesCase.id} ${rulesCase.title}`, async (t) => {
    await t.notThrowsAsync(() => rulesCase.run());
  });
}

test('the chain rules of the documentation refuse a well-sealed block of somebody who is no member', (t) => {
  const [, foreign = new Uint8Array()] = documentsBy(['ada', 'mallory']);
  const error = t.throws(() => rules.verify(foreign, null));
  t.true(isSyncError(error, 'BLOCK_MALFORMED'));
  t.regex(error.message, /Block 1 is by "mallory"/);
});

const NO_TRAIL: AuditTrail = { begins: () => undefined, ended: () => undefined };
const storageFixture = {
  create: () => Promise.resolve(audited(memoryStorage(), NO_TRAIL).create()),
  reopen: () => Promise.reject(new Error('A store in memory is gone when it is closed.')),
};
for (const storageCase of storageCompliance(storageFixture)) {
  test(`the storage of the documentation: ${storageCase.id} ${storageCase.title}`, async (t) => {
    await t.notThrowsAsync(() => storageCase.run());
  });
}

/** A trail that is kept as text: `+2` when a write begins that leads to head 2, `=2` when it is durable. */
function trailIn(told: string[]): AuditTrail {
  const note = (sign: string, { head }: Checkpoint): number => told.push(`${sign}${head?.height ?? 'none'}`);
  return { begins: (next) => note('+', next), ended: (now) => note('=', now) };
}

test('the storage of the documentation tells of each write, and of none that was refused', async (t) => {
  const told: string[] = [];
  const chain = await openChain({
    storage: audited(memoryStorage(), trailIn(told)),
    chain: consortium(['ada']),
    plugins: [summed()],
    storeCodec: 'summed',
  });
  const documents = documentsBy(['ada', 'ada', 'ada', 'mallory']);
  await chain.append(documents.slice(0, 3));
  await t.throwsAsync(chain.append(documents.slice(3)), { message: /Block 3 is by "mallory"/ });
  await chain.rollback(await chain.header(1));
  t.deepEqual(told, ['+2', '=2', '+1', '=1']);
  t.true(Buffer.from(documents[1] ?? []).equals((await chain.get(1))?.bytes ?? new Uint8Array()));
  await chain.close();
});

test('the storage of the documentation hears of a snapshot when it is activated, and of no gap at all', async (t) => {
  const told: string[] = [];
  const storage = audited(memoryStorage(), trailIn(told)).create();
  await storage.open();
  const [first, second, third] = fixtureFrames(3);
  if (first === undefined || second === undefined || third === undefined) return t.fail();
  const identity = { chain: 'sealed-json', chainId: first.header.hash };
  const commit = (frame: Frame): Promise<void> =>
    storage.commit({
      rollbackTo: null,
      blocks: [{ frame, changes: [] }],
      confirmed: null,
      finalized: null,
      identity,
    });
  await commit(first);
  await t.throwsAsync(commit(third), { message: /does not fit/ });
  await t.throwsAsync(storage.rollback(second.header), { message: /has no block 1/ });
  const stage = await storage.stage();
  await stage.putBlocks([second]);
  await t.throwsAsync(stage.activate({ identity, head: third.header }), { message: /not the last staged/ });
  await stage.activate({ identity, head: second.header });
  t.deepEqual(told, ['+0', '=0', '+1', '=1']);
  await storage.close();
});

/** The state that the ledger of the documentation comes to. */
async function ledgerAfter(blocks: readonly unknown[]): Promise<Record<string, unknown>> {
  const chain = await openChain({ storage: { use: 'memory' }, stateTransition: ledger });
  await chain.append(sealedChain(blocks.length, (height) => ({ transactions: blocks[height] })));
  const state: Record<string, unknown> = {};
  for (const table of ['accounts', 'contracts'] as const) {
    for await (const [key, value] of chain.stateEntries(table)) state[`${table} ${key}`] = value;
  }
  await chain.close();
  return state;
}

test('the ledger of the documentation keeps owners, records and grants', async (t) => {
  const blocks: readonly (readonly Transaction[])[] = [
    [
      { type: 'register', record: 'r1', owner: 'ada' },
      { type: 'grant', record: 'r1', to: 'x' },
    ],
    [
      { type: 'register', record: 'r2', owner: 'ada' },
      { type: 'grant', record: 'r1', to: 'y' },
    ],
    [{ type: 'revoke', record: 'r1', to: 'x' }],
  ];
  t.deepEqual(await ledgerAfter(blocks), {
    'accounts ada': { records: 2, grants: 1 },
    'contracts r1': { owner: 'ada', grants: ['y'] },
    'contracts r2': { owner: 'ada', grants: [] },
  });
});

test('the ledger of the documentation leaves out what makes no sense', async (t) => {
  const register = { type: 'register', record: 'r1', owner: 'ada' };
  const grant = { type: 'grant', record: 'r1', to: 'x' };
  const senseless = [
    { type: 'grant', record: 'r1', to: 'x' },
    register,
    { ...register, owner: 'mallory' },
    { ...register, record: 'x'.repeat(2000) },
    { ...register, record: 'r3', owner: 7 },
    { type: 'revoke', record: 'r1', to: 'x' },
    grant,
    grant,
    { ...grant, to: undefined },
    { type: 'steal', record: 'r1', to: 'mallory' },
    null,
    'grant',
  ];
  t.deepEqual(await ledgerAfter(['none', senseless, undefined]), {
    'accounts ada': { records: 1, grants: 1 },
    'contracts r1': { owner: 'ada', grants: ['x'] },
  });
});

test('the program of the documentation with the ledger ends with two nodes of one state', async (t) => {
  const program = join(projectRoot, 'dist', 'examples', 'ledger-sync.js');
  const { stdout } = await promisify(execFile)(process.execPath, [program]);
  t.deepEqual(stdout.trim().split('\n'), [
    'record/1 of node A: {"owner":"ada","grants":["clinic-south"]}',
    'accounts ada {"records":2,"grants":1}',
    'accounts grace {"records":1,"grants":0}',
    'contracts record/1 {"owner":"ada","grants":["clinic-south"]}',
    'contracts record/2 {"owner":"ada","grants":[]}',
    'contracts record/3 {"owner":"grace","grants":[]}',
    'Both nodes have this state.',
  ]);
});
