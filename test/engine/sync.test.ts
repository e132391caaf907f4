import { gzipSync } from 'node:zlib';
import test, { type ExecutionContext } from 'ava';
import { firstValueFrom, toArray } from 'rxjs';
import { seal } from '../../plugins/chain-sealed-json/index.js';
import {
  type Chain,
  createSyncEngine,
  type Frame,
  isSyncError,
  type SyncError,
  type Transport,
  openChain,
  type SyncEngineConfig,
} from '../../src/index.js';
import { ndjson, sealedChain } from '../helpers/sealed-chain.js';
import { blockEvent, completeEvent, listen, plainServer, serveSource } from '../helpers/servers.js';
import { tempDir } from '../helpers/temp-dir.js';

const retry = { maxAttempts: 2, baseDelayMs: 1 };
const memory = { use: 'memory' } as const;

async function memoryChain(t: ExecutionContext, documents: readonly Uint8Array[]): Promise<Chain> {
  const chain = await openChain({ storage: memory });
  t.teardown(() => chain.close());
  await chain.append(documents);
  return chain;
}

async function documentsOf(chain: Chain): Promise<Buffer> {
  const documents: Uint8Array[] = [];
  const { head, base } = chain.tip();
  if (head === null) return Buffer.alloc(0);
  for await (const frames of chain.read({ from: base, to: head.height })) {
    documents.push(...frames.map((frame) => chain.decode(frame).bytes));
  }
  return ndjson(documents);
}

interface Outcome {
  readonly code: string | null;
  readonly height: number | undefined;
  readonly peer: string | undefined;
  readonly head: number;
  readonly stored: Buffer;
}

/** Runs an engine to its end, whatever the end is. */
async function outcomeOf(
  t: ExecutionContext,
  config: Partial<SyncEngineConfig> & { peers: string[] },
): Promise<Outcome> {
  const engine = createSyncEngine({ storage: memory, retry, ...config });
  t.teardown(() => engine.close());
  const error = await failureOf(engine.start());
  const { chain } = engine;
  const stored = chain === null ? Buffer.alloc(0) : await documentsOf(chain);
  const head = chain?.tip().head?.height ?? -1;
  return {
    code: error?.code ?? null,
    height: error?.context.height,
    peer: error?.context.peer,
    head,
    stored,
  };
}

async function failureOf(run: Promise<void>): Promise<SyncError | null> {
  try {
    await run;
    return null;
  } catch (error) {
    if (!isSyncError(error)) throw error;
    return error;
  }
}

for (const codec of ['gzip', 'identity']) {
  test(`a node is brought up to date over ${codec}, byte for byte, and tells what it does`, async (t) => {
    const documents = sealedChain(500);
    const url = await serveSource(t, await memoryChain(t, documents));
    const engine = createSyncEngine({ peers: [url], storage: memory, codecs: [codec] });
    t.teardown(() => engine.close());
    const told = firstValueFrom(engine.events.pipe(toArray()));
    t.is(engine.state.phase, 'idle');
    await engine.start();
    t.like(engine.state, { phase: 'synced', progress: { height: 499, head: 499, blocks: 500, etaMs: 0 } });
    t.deepEqual(await documentsOf(engine.chain as Chain), ndjson(documents));
    await engine.close();
    const events = await told;
    const heights = events.flatMap((event) => (event.type === 'block' ? [event.header.height] : []));
    t.deepEqual(heights, [...documents.keys()]);
    const phases = events.flatMap((event) => (event.type === 'phase' ? [event.phase] : []));
    t.deepEqual(phases, ['opening', 'connecting', 'syncing', 'synced', 'closed']);
    t.true(events.some(({ type }) => type === 'progress'));
  });
}

test('a block event loads the body from the store on demand', async (t) => {
  const documents = sealedChain(3);
  const url = await serveSource(t, await memoryChain(t, documents));
  const engine = createSyncEngine({ peers: [url], storage: memory });
  t.teardown(() => engine.close());
  const bodies: Promise<Uint8Array>[] = [];
  engine.events.subscribe((event) => {
    if (event.type === 'block') bodies.push(event.block().then((block) => block.bytes));
  });
  await engine.start();
  t.deepEqual(ndjson(await Promise.all(bodies)), ndjson(documents));
});

test('a sync that was stopped goes on from the last durable block, and asks for nothing below it', async (t) => {
  const documents = sealedChain(40);
  const asked: number[] = [];
  const url = await plainServer(t, (from, response) => {
    asked.push(from);
    const to = asked.length === 1 ? 25 : 40;
    for (let height = from; height < to; height++)
      response.write(blockEvent(height, documents[height] as Uint8Array));
    if (asked.length === 1) response.end();
    else response.end(completeEvent({ height: 39 }));
  });
  const location = tempDir(t);
  const outcome = await outcomeOf(t, { peers: [url], storage: { use: 'leveldb', location } });
  t.is(outcome.code, null);
  t.deepEqual(outcome.stored, ndjson(documents));
  t.deepEqual(asked, [0, 25]);
});

test('a store keeps its chain over a restart, and a second sync takes nothing twice', async (t) => {
  const documents = sealedChain(30);
  const source = await memoryChain(t, documents.slice(0, 20));
  const url = await serveSource(t, source);
  const storage = { use: 'leveldb', location: tempDir(t) } as const;
  const first = createSyncEngine({ peers: [url], storage });
  await first.start();
  await first.close();
  await source.append(documents.slice(20));
  const second = createSyncEngine({ peers: [url], storage });
  t.teardown(() => second.close());
  await second.start();
  t.is(second.state.progress.blocks, 10);
  t.deepEqual(await documentsOf(second.chain as Chain), ndjson(documents));
});

test('a plain server with only a stream, no hash in complete and the newest block once more is synced from', async (t) => {
  const documents = sealedChain(30);
  let requests = 0;
  const url = await plainServer(t, (from, response) => {
    requests += 1;
    const to = requests === 1 ? 12 : 30;
    for (let height = Math.max(0, from - 1); height < to; height++) {
      response.write(blockEvent(height, documents[height] as Uint8Array));
    }
    if (requests === 1) response.end();
    else response.end(completeEvent({ height: 29 }));
  });
  const outcome = await outcomeOf(t, { peers: [url] });
  t.is(outcome.code, null);
  t.is(requests, 2);
  t.deepEqual(outcome.stored, ndjson(documents));
});

const good = sealedChain(10);
const at = (height: number): Uint8Array => good[height] as Uint8Array;
const raw = (height: number, data: string): string => `id: ${height}\nevent: block\ndata: ${data}\n\n`;
const gz = (document: Uint8Array): Buffer => gzipSync(document);

function altered(document: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(document);
  const place = copy.length - 10;
  copy[place] = (copy[place] ?? 0) ^ 1;
  return copy;
}

function resealed(height: number, previousHash: string): Uint8Array {
  return seal(new TextEncoder().encode('{"records":[]}'), { height, previousHash }).document;
}

const hashAt = (height: number): string => Buffer.from(at(height)).toString('latin1', 9, 73);

const LIES: readonly {
  readonly what: string;
  readonly event: string;
  readonly code: string;
  readonly height: number | undefined;
}[] = [
  { what: 'an altered byte', event: blockEvent(5, altered(at(5))), code: 'HASH_MISMATCH', height: 5 },
  {
    what: 'another parent',
    event: blockEvent(5, resealed(5, hashAt(3))),
    code: 'PARENT_MISMATCH',
    height: 5,
  },
  { what: 'a gap', event: blockEvent(6, at(6)), code: 'HEIGHT_GAP', height: 5 },
  { what: 'an earlier block', event: blockEvent(3, at(3)), code: 'HEIGHT_MISMATCH', height: 5 },
  { what: 'an id that is not the height', event: blockEvent(7, at(5)), code: 'HEIGHT_MISMATCH', height: 7 },
  {
    what: 'a truncated base64 body',
    event: raw(5, gz(at(5)).toString('base64').slice(0, -5)),
    code: 'CODEC_CORRUPT',
    height: 5,
  },
  {
    what: 'base64 with a space',
    event: raw(5, `${gz(at(5)).toString('base64')} `),
    code: 'CODEC_CORRUPT',
    height: 5,
  },
  {
    what: 'url-safe base64',
    event: raw(5, gz(at(5)).toString('base64url')),
    code: 'CODEC_CORRUPT',
    height: 5,
  },
  {
    what: 'a truncated gzip body',
    event: raw(5, gz(at(5)).subarray(0, -4).toString('base64')),
    code: 'CODEC_CORRUPT',
    height: 5,
  },
  {
    what: 'two gzip members',
    event: raw(5, Buffer.concat([gz(at(5)), gz(at(5))]).toString('base64')),
    code: 'CODEC_CORRUPT',
    height: 5,
  },
  {
    what: 'bytes after the gzip body',
    event: raw(5, Buffer.concat([gz(at(5)), Buffer.alloc(1)]).toString('base64')),
    code: 'CODEC_CORRUPT',
    height: 5,
  },
  {
    what: 'a raw line break',
    event: blockEvent(5, Buffer.concat([at(5).subarray(0, -1), Buffer.from('\n}')])),
    code: 'BLOCK_MALFORMED',
    height: 5,
  },
  { what: 'no JSON', event: blockEvent(5, Buffer.from('<html>')), code: 'BLOCK_MALFORMED', height: 5 },
  {
    what: 'a rollback in a stream that does not follow',
    event: `id: 2\nevent: rollback\ndata: {"height":2,"hash":"${hashAt(2)}"}\n\n`,
    code: 'PROTOCOL_VIOLATION',
    height: undefined,
  },
];

for (const { what, event, code, height } of LIES) {
  test(`a peer that sends ${what} is dropped with ${code}, nothing of it stored and nothing before it lost`, async (t) => {
    let requests = 0;
    const url = await plainServer(t, (from, response) => {
      requests += 1;
      for (let each = from; each < 5; each++) response.write(blockEvent(each, at(each)));
      response.write(event);
      for (let each = 5; each < 10; each++) response.write(blockEvent(each, at(each)));
      response.end(completeEvent({ height: 9 }));
    });
    const outcome = await outcomeOf(t, { peers: [url] });
    t.like(outcome, { code, height, head: 4, peer: `${url}/sync` });
    t.deepEqual(outcome.stored, ndjson(good.slice(0, 5)));
    t.is(requests, 1, 'a proved lie is not asked for again');
  });
}

test('a liar is dropped and named, and an honest peer takes over', async (t) => {
  const honest = await serveSource(t, await memoryChain(t, good));
  const liar = await plainServer(t, (from, response) => {
    response.write(blockEvent(from, at(from)));
    response.end(blockEvent(1, altered(at(1))));
  });
  const engine = createSyncEngine({ peers: [liar, honest], storage: memory, retry });
  t.teardown(() => engine.close());
  const dropped: (readonly [string, string | undefined])[] = [];
  engine.events.subscribe((event) => {
    if (event.type === 'peer' && event.status === 'dropped') dropped.push([event.peer, event.error?.code]);
  });
  await engine.start();
  t.deepEqual(dropped, [[`${liar}/sync`, 'HASH_MISMATCH']]);
  t.deepEqual(await documentsOf(engine.chain as Chain), ndjson(good));
});

test('a head that is claimed and not delivered is not believed', async (t) => {
  const url = await plainServer(t, (from, response) => {
    for (let each = from; each < 10; each++) response.write(blockEvent(each, at(each)));
    response.end(completeEvent({ height: 1_000_000_000_000 }));
  });
  t.like(await outcomeOf(t, { peers: [url] }), { code: 'HEAD_UNPROVED', head: 9 });
});

test('another hash at the same height in complete is a fork', async (t) => {
  const url = await plainServer(t, (from, response) => {
    for (let each = from; each < 10; each++) response.write(blockEvent(each, at(each)));
    response.end(completeEvent({ height: 9, hash: hashAt(0) }));
  });
  t.like(await outcomeOf(t, { peers: [url] }), { code: 'FORKED', height: 9, head: 9 });
});

test('a peer that is down, has no service, answers HTML, or serves another chain is told apart', async (t) => {
  const down = await outcomeOf(t, { peers: ['http://127.0.0.1:1'] });
  t.like(down, { code: 'PEER_UNREACHABLE', peer: 'http://127.0.0.1:1/sync', head: -1 });
  const missing = await listen(t, (_request, response) => response.writeHead(404).end());
  t.like(await outcomeOf(t, { peers: [missing] }), { code: 'PEER_NOT_FOUND' });
  const page = await listen(t, (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>Welcome</title>');
  });
  t.like(await outcomeOf(t, { peers: [page] }), { code: 'PEER_NOT_SYNC' });
  const url = await serveSource(t, await memoryChain(t, good));
  t.like(await outcomeOf(t, { peers: [url], chain: 'ethereum' }), { code: 'CHAIN_MISMATCH' });
  t.like(await outcomeOf(t, { peers: [url], chainId: 'another' }), { code: 'CHAIN_MISMATCH' });
});

test('a store that holds another chain is left as it is', async (t) => {
  const storage = { use: 'leveldb', location: tempDir(t) } as const;
  const other = sealedChain(5, (height) => ({ other: height }));
  const chain = await openChain({ storage });
  await chain.append(other);
  await chain.close();
  const url = await serveSource(t, await memoryChain(t, good));
  const outcome = await outcomeOf(t, { peers: [url], storage });
  t.like(outcome, { code: 'CHAIN_MISMATCH', head: 4 });
  t.deepEqual(outcome.stored, ndjson(other));
});

test('a sync ends at the height asked for', async (t) => {
  const url = await serveSource(t, await memoryChain(t, good));
  t.like(await outcomeOf(t, { peers: [url], to: 6 }), { code: null, head: 6 });
  const endless = await plainServer(t, (from, response) => {
    for (let each = from; each < 10; each++) response.write(blockEvent(each, at(each)));
  });
  t.like(await outcomeOf(t, { peers: [endless], to: 6 }), { code: null, head: 6 });
});

test('two engines in one process share nothing', async (t) => {
  const others = sealedChain(7, (height) => ({ other: height }));
  const [one, two] = await Promise.all([
    serveSource(t, await memoryChain(t, good)),
    serveSource(t, await memoryChain(t, others)),
  ]);
  const [first, second] = await Promise.all([outcomeOf(t, { peers: [one] }), outcomeOf(t, { peers: [two] })]);
  t.deepEqual(first.stored, ndjson(good));
  t.deepEqual(second.stored, ndjson(others));
});

test('closing in the middle stops the sync, keeps what is durable and completes the events', async (t) => {
  const url = await plainServer(t, (from, response) => {
    for (let each = from; each < 5; each++) response.write(blockEvent(each, at(each)));
  });
  const storage = { use: 'leveldb', location: tempDir(t) } as const;
  const engine = createSyncEngine({ peers: [url], storage });
  const completed = firstValueFrom(engine.events.pipe(toArray()));
  const closed = new Promise<void>((resolve, reject) => {
    engine.events.subscribe((event) => {
      if (event.type === 'checkpoint' && event.head.height === 4) engine.close().then(resolve, reject);
    });
  });
  const started = t.throwsAsync(engine.start(), { code: 'ABORTED' });
  await Promise.all([started, closed]);
  t.true((await completed).length > 0);
  t.is(engine.state.phase, 'closed');
  await t.throwsAsync(engine.start(), { code: 'ENGINE_STARTED' });
  const chain = await openChain({ storage });
  t.teardown(() => chain.close());
  t.is(chain.tip().head?.height, 4);
});

test('a signal stops the sync', async (t) => {
  const url = await plainServer(t, (_from, response) => void response.write(':\n\n'));
  const engine = createSyncEngine({ peers: [url], storage: memory });
  t.teardown(() => engine.close());
  const abort = new AbortController();
  engine.events.subscribe((event) => {
    if (event.type === 'phase' && event.phase === 'syncing') abort.abort();
  });
  await t.throwsAsync(engine.start({ signal: abort.signal }), { code: 'ABORTED' });
});

test('a handler gets every block once and in order, and goes on where it stopped', async (t) => {
  const source = await memoryChain(t, good.slice(0, 6));
  const url = await serveSource(t, source);
  const storage = { use: 'leveldb', location: tempDir(t) } as const;
  const seen: number[] = [];
  const runOnce = async (failAt: number): Promise<void> => {
    const engine = createSyncEngine({ peers: [url], storage });
    try {
      await engine.run(async (block) => {
        await new Promise((resolve) => setImmediate(resolve));
        if (block.height === failAt) throw new Error('not now');
        t.deepEqual(Buffer.from(block.bytes), Buffer.from(at(block.height)));
        seen.push(block.height);
      });
    } finally {
      await engine.close();
    }
  };
  await t.throwsAsync(runOnce(4), { code: 'HANDLER_FAILED' });
  t.deepEqual(seen, [0, 1, 2, 3]);
  await source.append(good.slice(6));
  await runOnce(-1);
  t.deepEqual(seen, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  await runOnce(-1);
  t.is(seen.length, 10);
});

test('a codec and a store of the host take the place of the built-in ones', async (t) => {
  const { gzip } = await import('../../plugins/codec-gzip/index.js');
  const { memoryStorage } = await import('../../plugins/storage-memory/index.js');
  const calls: string[] = [];
  const codec = { ...gzip(), create: () => (calls.push('codec'), gzip().create()) };
  const store = {
    ...memoryStorage(),
    name: 'mine',
    create: () => (calls.push('store'), memoryStorage().create()),
  };
  const url = await serveSource(t, await memoryChain(t, good));
  const outcome = await outcomeOf(t, { peers: [url], storage: store, codecs: [codec] });
  t.deepEqual(outcome.stored, ndjson(good));
  t.deepEqual(calls.sort(), ['codec', 'store']);
});

test('a name that nobody registered is a typed error that lists the names there are', (t) => {
  const unknown = { use: 'floppy' } as never;
  const make = (): unknown => createSyncEngine({ peers: ['http://127.0.0.1:1'], storage: unknown });
  const error = t.throws(make, { code: 'PLUGIN_UNKNOWN' });
  t.regex(error.message, /floppy.*leveldb, postgres, memory/);
});

test('the mode chooses the transport, and one that nobody registered is a typed error', async (t) => {
  const { sseTransport } = await import('../../plugins/transport-sse/index.js');
  const sse = sseTransport();
  const other = {
    ...sse,
    name: 'other',
    create: (deps) => ({ ...methodsOf(sse.create(deps)), mode: 'json' }),
  } as typeof sse;
  const url = await serveSource(t, await memoryChain(t, good));
  const config = { peers: [url], mode: 'stream' as const };
  t.like(await outcomeOf(t, { ...config, plugins: [other] }), { code: 'PLUGIN_UNKNOWN', head: -1 });
  t.like(await outcomeOf(t, { ...config, plugins: [other, sse] }), { code: null, head: 9 });
});

function methodsOf(inner: Transport): Omit<Transport, 'mode'> {
  const { name, supports } = inner;
  return {
    name,
    supports,
    status: (peer, options) => inner.status(peer, options),
    open: (request, options) => inner.open(request, options),
  };
}

test('what a peer sent encoded is stored as it came', async (t) => {
  const url = await plainServer(t, (_from, response) => {
    const data = gzipSync(at(0), { level: 1 }).toString('base64');
    response.end(`${raw(0, data)}${completeEvent({ height: 0 })}`);
  });
  const engine = createSyncEngine({ peers: [url], storage: memory });
  t.teardown(() => engine.close());
  await engine.start();
  const read = (engine.chain as Chain).read({ from: 0, to: 0 });
  const { value: frames } = (await read[Symbol.asyncIterator]().next()) as { value: readonly Frame[] };
  const frame = frames[0];
  t.is(frame?.codec, 'gzip');
  t.deepEqual(Buffer.from(frame?.bytes as Uint8Array), gzipSync(at(0), { level: 1 }));
});
