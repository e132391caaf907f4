import { gunzipSync } from 'node:zlib';
import test, { type ExecutionContext } from 'ava';
import { MemorySource } from '../helpers/memory-source.js';
import { sealedChain } from '../helpers/sealed-chain.js';
import { bodyOf, endpointOf } from './sse-endpoint-support.js';

const MIB = 1024 * 1024;
const SIZES = [10, 17 * MIB, 10];
const blank = sealedChain(3, (height) => ({ data: '/'.repeat(SIZES[height] ?? 0) }));

/** The events of a stream that is read to its end. @param onComplete - runs once, when the head was reached. */
async function read(
  t: ExecutionContext,
  source: MemorySource,
  query: string,
  onComplete?: () => void,
): Promise<readonly string[]> {
  const controller = new AbortController();
  t.teardown(() => {
    controller.abort();
  });
  const body = await bodyOf(endpointOf(source), query, controller.signal);
  const chunks: Uint8Array[] = [];
  let tell = onComplete;
  for (;;) {
    const { done, value } = (await body.next()) as IteratorResult<Uint8Array, undefined>;
    if (done === true) break;
    chunks.push(value);
    if (!Buffer.from(value).includes('event: complete')) continue;
    tell?.();
    tell = undefined;
  }
  return Buffer.concat(chunks).toString().split('\n\n').slice(0, -1);
}

const idsOf = (events: readonly string[]): string[] =>
  events.map((event) => /^event: block\nid: (\d+)/.exec(event)?.[1] ?? event.split('\n')[0] ?? '');

test('a stream ends before a live event above 16 MiB, and one that begins with it has it', async (t) => {
  const source = new MemorySource(blank.slice(0, 1));
  const live = await read(t, source, 'codec=identity&follow=true&from_height=0', () => {
    source.extend(blank.slice(1));
  });
  t.deepEqual(idsOf(live), ['0', 'event: complete']);
  const again = await read(t, source, 'codec=identity&from_height=1');
  t.deepEqual(idsOf(again), ['1', '2', 'event: complete']);
});

test('a live block that is small in its codec goes on in the stream', async (t) => {
  const source = new MemorySource(blank.slice(0, 1));
  const events = await read(t, source, 'codec=gzip&follow=true&from_height=0&to_height=2', () => {
    source.extend(blank.slice(1));
  });
  t.deepEqual(idsOf(events), ['0', 'event: complete', '1', '2', 'event: complete']);
});

test('a block that expands to more than 200 times its bytes is made longer for older clients', async (t) => {
  const source = new MemorySource(blank);
  const document = blank[1] ?? new Uint8Array(0);
  t.true((source.frames[1]?.bytes.length ?? Infinity) * 900 < document.length);
  const events = await read(t, source, 'codec=gzip&from_height=1&to_height=1');
  const data = Buffer.from(/data: (.*)/.exec(events[0] ?? '')?.[1] ?? '', 'base64');
  t.true(data.length * 200 >= document.length && data.length * 190 < document.length);
  t.is(Buffer.compare(gunzipSync(data), document), 0);
});
