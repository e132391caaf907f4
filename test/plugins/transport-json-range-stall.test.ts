import type { ServerResponse } from 'node:http';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { sealedChain } from '../helpers/sealed-chain.js';
import { until } from '../helpers/waiting.js';
import {
  codeOf,
  describe,
  fetchAll,
  plain,
  refAt,
  serve,
  texts,
  toTexts,
  type TestServer,
} from './transport-json-range-support.js';

const documents = sealedChain(120);
const all = toTexts(documents);
const small = { targetRangeBytes: 6000 };

/** A request for a range, and what sends its answer: all of it, or only so many bytes and then nothing. */
interface Asked {
  readonly from: number;
  readonly response: ServerResponse;
  readonly bytes: number;
  readonly send: (bytes?: number) => void;
}

interface RangeServer extends TestServer {
  /** Requests that are not over. */
  readonly open: () => number;
  /** Connections that there have been. */
  readonly connections: () => number;
}

async function serveAsked(t: ExecutionContext, respond: (asked: Asked) => void): Promise<RangeServer> {
  let open = 0;
  const ports = new Set<number | undefined>();
  const server = await serve(
    t,
    plain((from, to, response) => {
      open++;
      ports.add(response.socket?.remotePort);
      response.on('close', () => open--);
      const body = Buffer.from(`[${all.slice(from, to + 1).join(',')}]`);
      const send = (bytes = body.length): void => {
        response.writeHead(200, { 'content-type': 'application/json' });
        response.write(body.subarray(0, bytes));
        if (bytes >= body.length) response.end();
      };
      respond({ from, response, bytes: body.length, send });
    }),
  );
  return { ...server, open: () => open, connections: () => ports.size };
}

const fromOf = (target: string): number => Number(new URL(target, 'http://x').searchParams.get('from'));

for (const [what, part] of [
  ['falls silent in the middle', 0.5],
  ['is not begun', null],
] as const)
  test(`an answer that ${what} is asked for once more on another connection, behind what has come`, async (t) => {
    let stuck = 0;
    const server = await serveAsked(t, ({ from, bytes, send }) => {
      if (from < 16 || ++stuck > 3) send();
      else if (part !== null) send(Math.floor(bytes * part));
    });
    const { items, error } = await fetchAll(server.peer, { describe }, { ...small, hedgeAfterMs: 50 });
    t.is(error, null);
    t.deepEqual(texts(items), all);
    t.true(stuck > 3, `${stuck}`);
    t.true(server.connections() > 1);
    const again = server.targets.filter((target) => target.includes('parent_hash'));
    t.is(again.length > 0, part !== null);
    for (const target of again) t.true(target.includes(refAt(documents, fromOf(target) - 1).hash));
    await until(() => server.open() === 0);
  });

test('the first request counts where it goes on before the second one brings a block', async (t) => {
  let first: Asked | null = null;
  const server = await serveAsked(t, (asked) => {
    if (asked.from !== 16) asked.send();
    else if (first === null) first = asked;
    else first.send();
  });
  const { items, error } = await fetchAll(server.peer, {}, { ...small, hedgeAfterMs: 50 });
  t.is(error, null);
  t.deepEqual(texts(items), all);
  t.is(server.targets.map(fromOf).filter((from) => from === 16).length, 2);
  await until(() => server.open() === 0);
});

test('a refused second request is no failure of the first one', async (t) => {
  let first: Asked | null = null;
  const server = await serveAsked(t, (asked) => {
    if (asked.from !== 16) asked.send();
    else if (first === null) first = asked;
    else {
      const { send } = first;
      asked.response.on('finish', () => setTimeout(send, 20));
      asked.response.writeHead(429).end();
    }
  });
  const { items, error } = await fetchAll(server.peer, {}, { ...small, hedgeAfterMs: 200 });
  t.is(error, null);
  t.deepEqual(texts(items), all);
});

test('a connection that breaks while a second one is asked leaves the range to that one', async (t) => {
  let first: Asked | null = null;
  const server = await serveAsked(t, (asked) => {
    if (asked.from < 16) asked.send();
    else if (first === null) {
      first = asked;
      asked.send(Math.floor(asked.bytes / 2));
    } else {
      first.response.destroy();
      setTimeout(asked.send, 50);
    }
  });
  const { items, error } = await fetchAll(server.peer, { describe }, { ...small, hedgeAfterMs: 50 });
  t.is(error, null);
  t.deepEqual(texts(items), all);
});

test('a peer that never goes on is left with the time limits, after a few requests', async (t) => {
  const server = await serveAsked(t, ({ from, send }) => {
    if (from < 16) send();
  });
  const limits = { connectTimeoutMs: 500, firstByteTimeoutMs: 500 };
  const outcome = await fetchAll(server.peer, {}, { ...small, hedgeAfterMs: 20 }, limits);
  t.is(codeOf(outcome), 'PEER_TIMEOUT');
  t.deepEqual(texts(outcome.items), all.slice(0, 16));
  // Each one is waited for twice as long as the one before.
  const asked = server.targets.map(fromOf).filter((from) => from === 16).length;
  t.true(asked > 1 && asked < 8, `${asked}`);
  await until(() => server.open() === 0);
});

type Fate = 'whole' | 'silent' | 'cut' | 'late';

test('whatever answers are silent, cut or late, blocks come once and in order', async (t) => {
  const fate = fc.record({
    fate: fc.constantFrom<Fate>('whole', 'silent', 'cut', 'late'),
    part: fc.double({ min: 0, max: 0.99, noNaN: true }),
  });
  let whole = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(fate, { maxLength: 12 }), async (fates) => {
      const left = [...fates];
      const server = await serveAsked(t, ({ bytes, response, send }) => {
        const next = left.shift() ?? { fate: 'whole', part: 0 };
        const some = Math.floor(bytes * next.part);
        if (next.fate === 'whole') send();
        if (next.fate === 'late') setTimeout(send, 30);
        if (next.fate === 'silent') send(some);
        if (next.fate !== 'cut') return;
        send(some);
        setTimeout(() => response.destroy(), 5);
      });
      const { items, error } = await fetchAll(server.peer, { describe }, { ...small, hedgeAfterMs: 15 });
      const got = texts(items);
      if (got.join() !== all.slice(0, got.length).join()) throw new Error('Other blocks came.');
      if (error === null && got.length !== all.length) throw new Error(`It ended after ${got.length}.`);
      // Whoever cuts an answer before its first block, or again and again, is left.
      if (error !== null && error.code !== 'STREAM_TRUNCATED' && error.code !== 'PEER_UNREACHABLE')
        throw error;
      whole += error === null ? 1 : 0;
      await until(() => server.open() === 0);
    }),
    { numRuns: 40 },
  );
  t.true(whole > 5, `${whole}`);
});
