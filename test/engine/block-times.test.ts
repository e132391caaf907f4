import test from 'ava';
import { seal, SEALED_JSON_GENESIS } from '../../plugins/chain-sealed-json/index.js';
import { createSyncEngine, openChain } from '../../src/index.js';
import { serveSource } from '../helpers/servers.js';
import { Follower } from './follow-support.js';

const now = Date.now();
const times: Readonly<Record<string, string>> = {
  seconds: String(Math.floor(now / 1000)),
  microseconds: String(now * 1000),
  text: JSON.stringify(new Date(now).toISOString()),
  'no number': 'null',
  'a negative number': '-5',
};

/** A server of one block that states this time. */
async function serverOf(t: Parameters<typeof serveSource>[0], timestamp: string): Promise<string> {
  const text = `{"timestamp":${timestamp}}`;
  const { document } = seal(Buffer.from(text), { height: 0, previousHash: SEALED_JSON_GENESIS });
  const chain = await openChain({ storage: { use: 'memory' } });
  t.teardown(() => chain.close());
  await chain.append([document]);
  return `${await serveSource(t, chain)}/sync`;
}

for (const [name, timestamp] of Object.entries(times)) {
  test(`a time in ${name} makes no alarm and no silence: one warning says what counts`, async (t) => {
    const url = await serverOf(t, timestamp);
    const follower = new Follower(t, { peers: [url], staleAfterMs: 60_000, headCheckMs: 5 });
    await follower.until(() => follower.engine.state.phase === 'synced');
    // Many looks at the same head.
    await new Promise((resolve) => setTimeout(resolve, 100));
    const warnings = follower.events.flatMap((event) => (event.type === 'warning' ? [event] : []));
    t.deepEqual(
      warnings.map(({ code }) => code),
      ['HEAD_AGE_UNKNOWN'],
    );
    t.regex(warnings[0]?.message ?? '', /^Block 0 .*staleAfterMs/);
    t.false(follower.engine.state.stale);
  });
}

test('nobody is warned of times that nobody asked about, or that are in milliseconds', async (t) => {
  for (const [timestamp, staleAfterMs] of [
    [String(now), 3_600_000],
    ['5', null],
  ] as const) {
    const engine = createSyncEngine({
      peers: [await serverOf(t, timestamp)],
      storage: { use: 'memory' },
      staleAfterMs,
    });
    t.teardown(() => engine.close());
    const warnings: string[] = [];
    engine.events.subscribe((event) => {
      if (event.type === 'warning') warnings.push(event.code);
    });
    await engine.start();
    t.deepEqual(warnings, []);
  }
});
