import test from 'ava';
import { createSyncEngine, isSyncError, openChain, type SyncEvent } from '../../src/index.js';
import { MemorySource } from '../helpers/memory-source.js';
import { sealedChain } from '../helpers/sealed-chain.js';
import { serveSource } from '../helpers/servers.js';

/** Block 3 has 5 kB, which a random text keeps in any codec, or 5 kB that compress to nothing. */
const chainOf = (text: string): readonly Uint8Array[] =>
  sealedChain(6, (height) => (height === 3 ? { text } : {}));
const random = Array.from({ length: 5_000 }, (_, at) =>
  String.fromCharCode(97 + ((at * at * 7919) % 26)),
).join('');

for (const [what, text] of [
  ['compresses', 'a'.repeat(5_000)],
  ['does not compress', random],
] as const) {
  for (const codec of ['gzip', 'identity'] as const) {
    for (const follow of [false, true]) {
      const way = `${codec}${follow ? ', followed' : ''}`;
      test(`a peer with a larger limit is left without blame, and the error says what to set: a block that ${what}, ${way}`, async (t) => {
        const source = await openChain({ storage: { use: 'memory' } });
        t.teardown(() => source.close());
        await source.append(chainOf(text));
        const url = await serveSource(t, source);
        const other = await serveSource(t, new MemorySource(chainOf(text)));
        const limits = { maxBlockBytes: 1_000 };
        const engine = createSyncEngine({
          peers: [url, other],
          storage: { use: 'memory' },
          mode: 'stream',
          codecs: [codec],
          follow,
          limits,
        });
        const events: SyncEvent[] = [];
        engine.events.subscribe((event) => events.push(event));
        t.teardown(() => engine.close());
        const error = await t.throwsAsync(engine.start());
        t.true(isSyncError(error));
        const code = isSyncError(error) ? error.code : '';
        t.true(['BLOCK_TOO_LARGE', 'EVENT_TOO_LARGE'].includes(code), code);
        t.true(isSyncError(error) && error.info.action.includes('`limits.maxBlockBytes`'));
        t.is(engine.chain?.tip().head?.height, 2);
        const statuses = events.flatMap((event) => (event.type === 'peer' ? [event.status] : []));
        t.false(statuses.includes('dropped'));
        t.is(statuses.filter((status) => status === 'lost').length, 2);
      });
    }
  }
}
