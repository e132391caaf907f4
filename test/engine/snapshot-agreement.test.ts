import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { openChain } from '../../src/index.js';
import { tempDir } from '../helpers/temp-dir.js';
import { until } from '../helpers/waiting.js';
import { blocksOn } from './follow-support.js';
import {
  all,
  COUNT,
  documents,
  documentsOf,
  type Node,
  node,
  type Run,
  sync,
  warningsOf,
} from './snapshot-support.js';

const memory = { use: 'memory' } as const;
const QUICK = { agree: 2, confirmTimeoutMs: 1_000, headCheckMs: 100 };

/** Blocks on one of the usual chain that are not on it. */
function branchAt(height: number, count: number): readonly Uint8Array[] {
  const document = documents[height];
  if (document === undefined) throw new TypeError('There is no such block.');
  const { hash } = JSON.parse(Buffer.from(document).toString()) as { hash: string };
  return blocksOn({ height, hash }, count, 'forged');
}

/** A node that has made a snapshot of a longer branch, with a key that is trusted. */
async function forger(t: ExecutionContext): Promise<Node> {
  const forged = await node(t, 100, { more: branchAt(99, 60) });
  await until(async () => (await fetch(`${forged.url}/snapshot/manifest?type=recent`)).status === 200);
  return forged;
}

const heightsOf = ({ events }: Run): readonly number[] =>
  events.flatMap((event) => (event.type === 'snapshot' && event.status === 'imported' ? [event.height] : []));

const failuresOf = ({ events }: Run): readonly string[] =>
  events.flatMap((event) => (event.type === 'peer' && event.error !== null ? [event.error.code] : []));

test('a signed snapshot whose last block one peer has alone is not taken; the next one is, that as many have as must agree', async (t) => {
  const [forged, one, two] = [await forger(t), await node(t), await node(t)];
  await until(async () => (await fetch(`${one.url}/snapshot/manifest?type=recent`)).status === 200);
  const trust = { signers: [forged.signer.publicKey] };
  const peers = [forged.url, one.url, two.url];
  const lone = await sync({ peers, mode: 'snapshot', trust, storage: memory });
  t.deepEqual(heightsOf(lone), [159], 'without agreement the newest one is taken');
  const run = await sync({ peers, mode: 'snapshot', trust, storage: memory, ...QUICK });
  t.deepEqual(heightsOf(run), [COUNT - 1]);
  t.is(run.code, null);
  t.true(run.stored.equals(all));
  t.true(warningsOf(run).includes('HEADS_DISAGREE'));
});

test('where no snapshot is confirmed, `auto` goes on by stream, and `snapshot` fails and leaves the store empty', async (t) => {
  const [forged, one, two] = [await forger(t), await node(t, 110), await node(t, 110)];
  const trust = { signers: [forged.signer.publicKey] };
  const peers = [forged.url, one.url, two.url];
  const off = { snapshot: { minBlocks: 10 } };
  // The others make snapshots too: theirs are of no key that is trusted here.
  const strangers = [await node(t, 110, { seed: 8 }), await node(t, 110, { seed: 9 })];
  const others = [forged.url, ...strangers.map(({ url }) => url)];
  const failed = await sync({ peers: others, mode: 'snapshot', trust, storage: memory, ...QUICK });
  t.is(failed.code, 'HEADS_DISAGREE');
  t.is(failed.stored.length, 0);
  const streamed = await sync({ peers: others, trust, storage: memory, ...off, ...QUICK });
  t.deepEqual(heightsOf(streamed), []);
  t.true(streamed.stored.equals((await sync({ peers: peers.slice(1), storage: memory })).stored));
});

test('a snapshot that contradicts a confirmed block is refused, whoever has it; one that contradicts an unconfirmed block is not', async (t) => {
  const location = join(tempDir(t), 'store');
  const [forged, one, two] = [await forger(t), await node(t, 110), await node(t, 110)];
  const first = await sync({
    peers: [one.url, two.url],
    mode: 'stream',
    storage: { use: 'leveldb', location },
    ...QUICK,
  });
  t.is(first.code, null);
  const second = await forger(t);
  const trust = { signers: [forged.signer.publicKey] };
  const peers = [forged.url, second.url];
  const refused = await sync({
    peers,
    mode: 'snapshot',
    trust,
    storage: { use: 'leveldb', location },
    ...QUICK,
  });
  t.true(failuresOf(refused).includes('FORKED'));
  t.deepEqual(heightsOf(refused), []);
  const kept = await openChain({ storage: { use: 'leveldb', location } });
  t.true((await documentsOf(kept)).equals(first.stored));
  await kept.close();
  // Five blocks here that nobody has confirmed.
  const open = join(tempDir(t), 'open');
  await sync({ peers: [one.url], mode: 'stream', storage: { use: 'leveldb', location: open }, to: 99 });
  const lone = await node(t, 100, { more: branchAt(99, 5), seed: 9 });
  const split = await sync({
    peers: [lone.url, one.url],
    mode: 'stream',
    storage: { use: 'leveldb', location: open },
    ...QUICK,
  });
  t.is(split.code, 'HEADS_DISAGREE');
  const place = split.events.filter((event) => event.type === 'checkpoint').at(-1);
  t.is(place?.confirmed?.height, 99);
  t.true((place?.head.height ?? 0) > 99);
  const taken = await sync({
    peers,
    mode: 'snapshot',
    trust,
    storage: { use: 'leveldb', location: open },
    ...QUICK,
  });
  t.deepEqual(heightsOf(taken), [159]);
});
