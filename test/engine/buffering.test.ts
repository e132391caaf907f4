import test, { type ExecutionContext } from 'ava';
import type { Chain } from '../../src/index.js';
import { type BufferingProxy, bufferingProxy, type Holding } from '../helpers/buffering-proxy.js';
import { until } from '../helpers/waiting.js';
import { blocksOn, Follower, serveChain, sourceChain } from './follow-support.js';

/** A follower behind a proxy, in a hurry to call a stream mute. */
async function behind(
  t: ExecutionContext,
  holding: Holding,
  limits: object = {},
): Promise<{ readonly chain: Chain; readonly proxy: BufferingProxy; readonly follower: Follower }> {
  const chain = await sourceChain(t, 20);
  const { url } = await serveChain(t, chain);
  const proxy = await bufferingProxy(url, holding);
  t.teardown(() => proxy.close());
  const follower = new Follower(t, {
    peers: [`${proxy.url}/sync`],
    limits: { muteTimeoutMs: 300, ...limits },
  });
  return { chain, proxy, follower };
}

/** Blocks one by one, each once the one before is there. */
async function grow(chain: Chain, follower: Follower, count: number): Promise<void> {
  for (let made = 0; made < count; made++) {
    await chain.append(blocksOn(chain.tip().head, 1, 'live'));
    await follower.reaches(chain);
  }
}

const warned = (follower: Follower): number =>
  follower.events.filter((event) => event.type === 'warning' && event.code === 'STREAM_BUFFERED').length;

const HOLDING: readonly (readonly [title: string, holding: Holding])[] = [
  ['waits for the whole of each response', { kind: 'whole' }],
  ['waits for 64 KiB', { kind: 'bytes', bytes: 64 * 1024 }],
  ['waits for ten minutes', { kind: 'time', ms: 600_000 }],
  ['never sends on what stays open', { kind: 'for-ever' }],
  ['compresses what it is told to leave as it is', { kind: 'gzip' }],
];

for (const [title, holding] of HOLDING)
  test(`a node behind a proxy that ${title} follows by long poll, and says why`, async (t) => {
    const { chain, proxy, follower } = await behind(t, holding);
    await follower.reaches(chain);
    await until(() => warned(follower) === 1);
    await until(() => follower.phases.includes('synced'));
    const phases = follower.phases.length;
    await grow(chain, follower, 10);
    t.is(follower.phases.length, phases, 'the phase stays');
    t.is(follower.engine.state.phase, 'synced');
    t.is(follower.engine.state.mode, 'json');
    t.is(warned(follower), 1);
    t.true(proxy.seen.some((url) => url.includes('wait=')));
    const streams = proxy.seen.filter((url) => url.startsWith('/sync/stream?from'));
    t.is(streams.length, 2, 'two were mute, and no further one is tried');
    await follower.engine.close();
  });
