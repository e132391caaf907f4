import { createHash } from 'node:crypto';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { bzip2 } from '../../plugins/codec-bzip2/index.js';
import { gzip } from '../../plugins/codec-gzip/index.js';
import { identity } from '../../plugins/codec-identity/index.js';
import type { CodecPlugin, CodecWorkers, PackTask } from '../../src/contracts/index.js';
import { isSyncError, SyncError } from '../../src/errors/index.js';
import { mibOfText } from '../../src/testing/compliance/codec-samples.js';
import { createCodecWorkers, type CodecWorkersOptions } from '../../src/workers/index.js';
import { Odd, odd } from './odd-codec.js';

const limits = { maxOutputBytes: 8 * 1024 * 1024 };
const text = mibOfText();

function workersFor(
  t: ExecutionContext,
  plugins: readonly CodecPlugin[],
  options?: CodecWorkersOptions,
): CodecWorkers {
  const workers = createCodecWorkers(plugins, options);
  t.teardown(() => workers.close());
  return workers;
}

const doing = (what: number): Uint8Array => Uint8Array.of(what, 1, 2, 3);

for (const plugin of [bzip2(), gzip({ level: 1 }), identity()]) {
  test(`${plugin.name} packs and decodes on threads`, async (t) => {
    const workers = workersFor(t, [plugin], { threads: 2 });
    const task: PackTask = {
      codec: plugin.name,
      chunks: [{ kind: 'raw', bytes: text }],
      maxPartBytes: 300_000,
    };
    const { parts, raw } = await workers.pack(task);
    t.is(Buffer.compare(raw, text), 0);
    t.is(parts.length, Math.ceil(text.length / 300_000));
    const decoded = await Promise.all(
      parts.map((part) => workers.decode(plugin.name, part.bytes, { maxOutputBytes: part.rawLength })),
    );
    t.is(Buffer.compare(Buffer.concat(decoded), text), 0);
    for (const part of parts) {
      t.is(part.sha256, createHash('sha256').update(part.bytes).digest('hex'));
    }
  });
}

test('without a thread too, what was packed has memory of its own: the caller may hold on to the frame', async (t) => {
  const plugin = identity();
  const { kind, name, apiVersion } = plugin;
  const workers = workersFor(t, [{ kind, name, apiVersion, create: () => plugin.create() }]);
  const frame = { kind: 'frame', codec: 'identity', bytes: text, documentBytes: text.length } as const;
  const { parts, raw } = await workers.pack({
    codec: 'identity',
    chunks: [frame],
    maxPartBytes: text.length,
  });
  t.not(raw.buffer, text.buffer);
  t.is(Buffer.compare(raw, text), 0);
  for (const { bytes } of parts) t.not(bytes.buffer, text.buffer);
});

test('a run of raw bytes and frames of several codecs is packed as their documents joined', async (t) => {
  const workers = workersFor(t, [gzip(), bzip2(), identity()]);
  const [a, b, c] = [text.subarray(0, 1000), text.subarray(1000, 90_000), text.subarray(90_000, 90_010)];
  const packed = await workers.pack({
    codec: 'bzip2',
    chunks: [
      { kind: 'raw', bytes: a },
      { kind: 'frame', codec: 'gzip', bytes: gzip().create().encode(b), documentBytes: b.length },
      { kind: 'frame', codec: 'identity', bytes: c, documentBytes: c.length },
    ],
    maxPartBytes: 900_000,
  });
  t.is(Buffer.compare(packed.raw, text.subarray(0, 90_010)), 0);
  t.is(packed.parts.length, 1);
  const [part] = packed.parts;
  const unpacked = bzip2()
    .create()
    .decode(part?.bytes ?? new Uint8Array(), limits);
  t.is(Buffer.compare(unpacked, packed.raw), 0);
});

test('a frame of another length than noted is refused with CODEC_CORRUPT', async (t) => {
  const workers = workersFor(t, [gzip()]);
  const bytes = gzip().create().encode(text.subarray(0, 100));
  const chunks = [{ kind: 'frame', codec: 'gzip', bytes, documentBytes: 101 }] as const;
  await t.throwsAsync(workers.pack({ codec: 'gzip', chunks, maxPartBytes: 1000 }), { code: 'CODEC_CORRUPT' });
});

test("the caller's memory is neither detached nor taken along when the bytes are a part of it", async (t) => {
  const workers = workersFor(t, [identity()]);
  const large = new Uint8Array(5_000_000).fill(1);
  const bytes = large.subarray(1_000_000, 1_000_100);
  const decoded = await workers.decode('identity', bytes, limits);
  const packed = await workers.pack({
    codec: 'identity',
    chunks: [{ kind: 'raw', bytes }],
    maxPartBytes: 30,
  });
  const whole = new Uint8Array(10).fill(2);
  await workers.decode('identity', whole, limits);
  t.deepEqual([large.length, bytes.length, whole.length], [5_000_000, 100, 10]);
  t.deepEqual([decoded.buffer.byteLength, packed.raw.buffer.byteLength], [100, 100]);
  t.deepEqual(
    packed.parts.map((part) => part.bytes.buffer.byteLength),
    [30, 30, 30, 10],
  );
});

test('a result that is a view of larger memory comes alone', async (t) => {
  const workers = workersFor(t, [odd()]);
  const decoded = await workers.decode('odd', doing(Odd.view), limits);
  t.deepEqual([decoded.length, decoded.buffer.byteLength, decoded[0]], [10, 10, 9]);
});

test("what was encoded into Node's pool of small buffers comes whole, and the pool stays", async (t) => {
  const workers = workersFor(t, [odd()], { threads: 1 });
  for (const length of [1, 5000, 12 * 1024, 20_000, 32_767, 40_000]) {
    const documents = Array.from({ length: 4 }, (_, i) =>
      new Uint8Array(length).fill(i, 1).fill(Odd.pooled, 0, 1),
    );
    t.deepEqual(await workers.encode('odd', documents), documents, `${length} bytes`);
  }
});

test('errors cross with class, code, message, context and cause', async (t) => {
  const workers = workersFor(t, [odd(), gzip()]);
  const error = await t.throwsAsync(workers.decode('odd', doing(Odd.syncError), limits), {
    instanceOf: SyncError,
  });
  t.deepEqual([error.code, error.message], ['CODEC_CORRUPT', 'Odd bytes.']);
  t.deepEqual(error.context, { height: 7, peer: 'http://peer' });
  t.is((error.cause as Error).message, 'the reason');
  await t.throwsAsync(workers.decode('odd', doing(Odd.typeError), limits), {
    instanceOf: TypeError,
    message: 'an odd mistake',
  });
  await t.throwsAsync(workers.decode('odd', doing(Odd.threw), limits), { message: 'a string' });
  await t.throwsAsync(workers.decode('gzip', gzip().create().encode(text), { maxOutputBytes: 10 }), {
    code: 'CODEC_OUTPUT_TOO_LARGE',
  });
});

test('a codec that nobody registered is refused with CODEC_UNAVAILABLE', async (t) => {
  const workers = workersFor(t, [gzip()]);
  await t.throwsAsync(workers.decode('lzma', text, limits), { code: 'CODEC_UNAVAILABLE', message: /gzip/ });
  const chunks = [{ kind: 'frame', codec: 'lzma', bytes: text, documentBytes: 1 }] as const;
  await t.throwsAsync(workers.pack({ codec: 'gzip', chunks, maxPartBytes: 10 }), {
    code: 'CODEC_UNAVAILABLE',
  });
});

test('a codec whose worker module is missing is refused with CODEC_UNAVAILABLE', async (t) => {
  const workers = workersFor(t, [odd('odd', new URL('no-such-module.js', import.meta.url).href)]);
  const error = await t.throwsAsync(workers.decode('odd', doing(Odd.fine), limits), {
    code: 'CODEC_UNAVAILABLE',
  });
  t.regex(error.message, /no-such-module/);
});

test('a codec without a worker module is worked on here', async (t) => {
  const workers = workersFor(t, [odd('plain', null), gzip()]);
  const bytes = doing(Odd.fine);
  t.is(await workers.decode('plain', bytes, limits), bytes);
  const chunks = [{ kind: 'frame', codec: 'plain', bytes, documentBytes: 4 }] as const;
  const { raw } = await workers.pack({ codec: 'gzip', chunks, maxPartBytes: 10 });
  t.deepEqual([...raw], [...bytes]);
});

for (const [what, how] of [
  ['ends its thread', Odd.exit],
  ['fills its heap', Odd.heap],
] as const) {
  test(`a piece that ${what} is rejected alone, and the thread replaced`, async (t) => {
    const workers = workersFor(t, [odd()], { threads: 1 });
    const before = workers.decode('odd', doing(Odd.fine), limits);
    const bad = workers.decode('odd', doing(how), limits);
    const after = workers.decode('odd', doing(Odd.fine), limits);
    const error = await t.throwsAsync(bad, { code: 'INTERNAL' });
    if (how === Odd.heap) t.regex((error.cause as Error).message, /memory/);
    t.deepEqual([...(await before)], [...doing(Odd.fine)]);
    t.deepEqual([...(await after)], [...doing(Odd.fine)]);
  });
}

test('a signal stops the piece that is worked on, and the thread replaced takes the next', async (t) => {
  const workers = workersFor(t, [odd()], { threads: 1 });
  const abort = new AbortController();
  const spinning = workers.decode('odd', doing(Odd.spin), limits, { signal: abort.signal });
  const next = workers.decode('odd', doing(Odd.fine), limits);
  await sleep(50);
  abort.abort();
  await t.throwsAsync(spinning, { code: 'ABORTED' });
  t.is((await next).length, 4);
});

test('a signal takes a waiting piece out of the queue and leaves the others', async (t) => {
  const workers = workersFor(t, [odd()], { threads: 1 });
  const [running, waiting] = [new AbortController(), new AbortController()];
  const first = workers.decode('odd', doing(Odd.spin), limits, { signal: running.signal });
  const second = workers.decode('odd', doing(Odd.exit), limits, { signal: waiting.signal });
  const third = workers.decode('odd', doing(Odd.fine), limits);
  waiting.abort(new SyncError('PEER_TIMEOUT', 'Too late.'));
  await t.throwsAsync(second, { code: 'PEER_TIMEOUT' });
  running.abort();
  await t.throwsAsync(first, { code: 'ABORTED' });
  t.is((await third).length, 4);
  await t.throwsAsync(workers.decode('odd', doing(Odd.fine), limits, { signal: AbortSignal.abort() }), {
    code: 'ABORTED',
  });
});

test('close rejects what works and what waits with ABORTED, at once and for good', async (t) => {
  const workers = workersFor(t, [odd()], { threads: 1 });
  const pieces = [Odd.spin, Odd.fine].map((what) => workers.decode('odd', doing(what), limits));
  const rejected = Promise.all(pieces.map((piece) => t.throwsAsync(piece, { code: 'ABORTED' })));
  await workers.close();
  await rejected;
  await workers.close();
  await t.throwsAsync(workers.decode('odd', doing(Odd.fine), limits), { code: 'ABORTED' });
});

test('as many pieces as there are threads are worked on at once', async (t) => {
  const workers = workersFor(t, [odd()], { threads: 3 });
  const aborts = [0, 1].map(() => new AbortController());
  const spinning = aborts.map(({ signal }) => workers.decode('odd', doing(Odd.spin), limits, { signal }));
  t.is((await workers.decode('odd', doing(Odd.fine), limits)).length, 4);
  for (const abort of aborts) abort.abort();
  for (const piece of spinning) await t.throwsAsync(piece, { code: 'ABORTED' });
});

test('a signal that outlives its pieces keeps none of their listeners', async (t) => {
  const workers = workersFor(t, [odd()], { threads: 2 });
  const abort = new AbortController();
  let listeners = 0;
  const { signal } = abort;
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    listeners++;
    add(...args);
  };
  signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    listeners--;
    remove(...args);
  };
  const pieces = [Odd.fine, Odd.typeError, Odd.fine].map((what) =>
    workers.decode('odd', doing(what), limits, { signal }),
  );
  await Promise.allSettled(pieces);
  t.is(listeners, 0);
});

test('the main thread goes on with other work while a bomb is stopped on a thread', async (t) => {
  const workers = workersFor(t, [bzip2()], { threads: 1 });
  const bomb = bzip2()
    .create()
    .encode(new Uint8Array(20 * 899_981));
  await workers.decode('bzip2', bzip2().create().encode(text), limits);
  const stopped = t.throwsAsync(workers.decode('bzip2', bomb, { maxOutputBytes: 8 * 1024 * 1024 }));
  // Work on this thread would be over before the loop turned.
  const first = await Promise.race([stopped.then(() => 'the bomb'), setImmediate('a turn')]);
  t.is(first, 'a turn');
  t.true(isSyncError(await stopped, 'CODEC_OUTPUT_TOO_LARGE'));
});

test('an error from a thread tells where on the thread it was thrown', async (t) => {
  const workers = workersFor(t, [bzip2()], { threads: 1 });
  const error = await t.throwsAsync(workers.decode('bzip2', Uint8Array.of(1, 2, 3), limits));
  t.true(isSyncError(error, 'CODEC_CORRUPT'));
  t.regex(error.stack ?? '', /codec-bzip2/);
});

test('options out of bounds are a TypeError', (t) => {
  for (const threads of [0, 1.5, 65, NaN])
    t.throws(() => createCodecWorkers([], { threads }), { instanceOf: TypeError });
  t.throws(() => createCodecWorkers([], { idleMs: -1 }), { instanceOf: TypeError });
  const { threads } = createCodecWorkers([]);
  t.true(threads >= 1 && threads <= 4);
});
