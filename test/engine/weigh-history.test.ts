import test from 'ava';
import { whyHistory } from '../../src/engine/snapshot/weigh-history.js';
import type { SyncEngineConfig } from '../../src/index.js';
import { refOf } from '../helpers/producers.js';
import { until } from '../helpers/waiting.js';
import { blocksOn } from './follow-support.js';
import { counting, COUNT, documents, node, sync } from './snapshot-support.js';

const MIB = 1024 * 1024;

test('history in tiles is preferred to a snapshot that is not much smaller, and the reason says how large both are', (t) => {
  const reason = whyHistory({ historyBytes: 150 * MIB, snapshotBytes: 100 * MIB, bytesPerSecond: null });
  t.regex(reason ?? '', /150\.0 MiB in tiles, and the snapshot 100\.0 MiB: .*nobody's signature/);
  t.not(whyHistory({ historyBytes: 50 * MIB, snapshotBytes: 100 * MIB, bytesPerSecond: 1 }), null);
});

test('a snapshot that is much smaller is taken, unless the line is so fast that it saves little', (t) => {
  const weights = { historyBytes: 1_000 * MIB, snapshotBytes: 100 * MIB };
  t.is(whyHistory({ ...weights, bytesPerSecond: null }), null);
  t.is(whyHistory({ ...weights, bytesPerSecond: 10 * MIB }), null);
  const reason = whyHistory({ ...weights, bytesPerSecond: 20 * MIB });
  t.regex(reason ?? '', /at 20\.0 MiB a second saves 45 s/);
});

test('an empty node with somebody to trust takes verified history where a snapshot is hardly less, and no state is wanted', async (t) => {
  const more = blocksOn(refOf(documents[COUNT - 1] ?? new Uint8Array()), 2_400, 'more');
  const { url, chain, signer } = await node(t, COUNT, {
    more,
    snapshots: { types: ['full', 'recent'], recentBlocks: 20 },
  });
  await chain.tilesMade();
  // The server looks at its tiles once a second.
  await until(async () => {
    const status = (await (await fetch(`${url}/status`)).json()) as { readonly tiles: { to: number } | null };
    return status.tiles?.to === 2_047;
  });
  const config: SyncEngineConfig = {
    peers: [url],
    storage: { use: 'memory' },
    trust: { signers: [signer.publicKey] },
    snapshot: { type: 'full', minBlocks: 1_000 },
  };
  const modes = async (change: Partial<SyncEngineConfig>): Promise<readonly string[]> => {
    const { code, events } = await sync({ ...config, stateTransition: null, ...change });
    t.is(code, null);
    return events.flatMap((event) => (event.type === 'mode' ? [`${event.mode}: ${event.reason}`] : []));
  };
  const small = { type: 'recent', minBlocks: 1_000 } as const;
  // A snapshot that is still being made can't be weighed: whoever asks for it first has it made.
  for (const snapshot of [config.snapshot ?? small, small])
    t.regex((await modes({ mode: 'snapshot', snapshot }))[0] ?? '', /^snapshot/);
  const [first, second] = await modes({});
  t.regex(first ?? '', /^tiles: The whole history is .* MiB in tiles, and the snapshot/);
  t.regex(second ?? '', /^stream/);
  t.regex((await modes({ snapshot: small }))[0] ?? '', /^snapshot/);
  t.regex((await modes({ stateTransition: counting }))[0] ?? '', /^snapshot/);
});
