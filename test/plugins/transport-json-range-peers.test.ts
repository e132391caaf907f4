import { getEventListeners } from 'node:events';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import type { Peer, PeerStatus, PeerWithStatus, StreamRequest, WireItem } from '../../src/contracts/index.js';
import { isSyncError } from '../../src/errors/index.js';
import { MemorySource } from '../helpers/memory-source.js';
import { sealedChain, smallPayload } from '../helpers/sealed-chain.js';
import { turns, until } from '../helpers/waiting.js';
import {
  codeOf,
  describe,
  fetchAll,
  refAt,
  serveRanges,
  streamRequest,
  texts,
  toTexts,
  transport,
  type Handler,
  type TestServer,
} from './transport-json-range-support.js';

const documents = sealedChain(300);
/** The same blocks below a height, others from there on. */
const branchAt = (fork: number): Uint8Array[] =>
  sealedChain(300, (height) => (height < fork ? smallPayload(height) : { other: height }));
/** Other blocks than those of the asked peer behind the first range, which always comes from that. */
const forked = branchAt(16);
const small = { targetRangeBytes: 4000, hedgeAfterMs: 200 };
const patient = { ...small, hedgeAfterMs: 60_000 };

type Teardown = Pick<ExecutionContext, 'teardown'>;
type Failures = { readonly peer: Peer; readonly error: Error }[];
type Respond = (from: number, pass: () => void, response: Parameters<Handler>[1]) => void;

/** A sync server whose answers to ranges a test can keep back or spoil. */
function server(
  t: Teardown,
  source: MemorySource,
  respond: Respond = (_from, pass) => {
    pass();
  },
): Promise<TestServer> {
  return serveRanges(t, source, {
    wrap: (handler) => (request, response) => {
      const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
      const pass = (): void => {
        handler(request, response);
      };
      if (pathname === '/sync/json') respond(Number(searchParams.get('from')), pass, response);
      else pass();
    },
  });
}

const plainServer = (t: Teardown): Promise<TestServer> => server(t, new MemorySource(documents));

async function statusOf(peer: Peer): Promise<PeerWithStatus> {
  const status = await transport().status(peer, { signal: new AbortController().signal });
  return { peer, status: status as PeerStatus };
}

async function withOthers(
  others: readonly TestServer[],
): Promise<{ readonly failures: Failures; readonly more: Partial<StreamRequest> }> {
  const failures: Failures = [];
  const onPeerFailure = (peer: Peer, error: Error): void => void failures.push({ peer, error });
  const all = await Promise.all(others.map(({ peer }) => statusOf(peer)));
  return { failures, more: { describe, others: all, onPeerFailure } };
}

const asked = ({ targets }: TestServer): { from: number; to: number }[] =>
  targets
    .filter((target) => target.startsWith('/sync/json'))
    .map((target) => new URL(target, 'http://localhost').searchParams)
    .map((query) => ({ from: Number(query.get('from')), to: Number(query.get('to')) }));

const senders = (items: readonly WireItem[]): Set<string | undefined> =>
  new Set(items.flatMap((item) => (item.kind === 'frame' ? [item.peer?.url] : [])));

const codes = (failures: Failures): unknown[] =>
  failures.map(({ peer, error }) => [peer.url, isSyncError(error) ? error.code : error]);

test('ranges come from all peers, in order, and frames of the others name them', async (t) => {
  const servers = await Promise.all([plainServer(t), plainServer(t), plainServer(t)]);
  const [first, ...rest] = servers;
  const { more, failures } = await withOthers(rest);
  const { items, error } = await fetchAll(first.peer, more, patient);
  t.is(error, null);
  t.deepEqual(texts(items), toTexts(documents));
  t.deepEqual(items.at(-1), { kind: 'complete', head: refAt(documents, 299) });
  for (const each of servers) t.true(asked(each).length > 1, String(asked(each).length));
  t.deepEqual(senders(items), new Set([undefined, rest[0].peer.url, rest[1].peer.url]));
  t.deepEqual(failures, []);
});

test('without a listener for failures the others are not used', async (t) => {
  const [first, other] = [await plainServer(t), await plainServer(t)];
  const others = [await statusOf(other.peer)];
  const { items } = await fetchAll(first.peer, { describe, others }, small);
  t.deepEqual(texts(items), toTexts(documents));
  t.deepEqual(asked(other), []);
});

test('each of more peers than lanes gets a range', async (t) => {
  const others = await Promise.all([1, 2, 3].map(() => plainServer(t)));
  const first = await plainServer(t);
  const { more } = await withOthers(others);
  const { items } = await fetchAll(first.peer, more, { ...patient, parallel: 1 });
  t.deepEqual(texts(items), toTexts(documents));
  for (const each of others) t.true(asked(each).length > 0);
});

for (const [what, answer] of [
  ['answers nothing', (): void => undefined],
  [
    'sends a few bytes and no more',
    (response: Parameters<Handler>[1]): void => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.write('[{"hash":');
    },
  ],
] as const)
  test(`the range of another peer that ${what} is fetched elsewhere, and its request ended`, async (t) => {
    let open = 0;
    const slow = await server(t, new MemorySource(documents), (_from, _pass, response) => {
      open++;
      response.on('close', () => open--);
      answer(response);
    });
    const first = await plainServer(t);
    const { more, failures } = await withOthers([slow]);
    const { items, error } = await fetchAll(first.peer, more, small);
    t.is(error, null);
    t.deepEqual(texts(items), toTexts(documents));
    const stuck = asked(slow);
    t.true(stuck.length > 0 && stuck.length < asked(first).length, `${stuck.length}`);
    for (const { from } of stuck)
      t.true(asked(first).some((range) => range.from <= from && from <= range.to));
    await until(() => open === 0);
    t.deepEqual(failures, []);
  });

test('the asked peer does not hold up either when it is the slow one', async (t) => {
  const first = await server(t, new MemorySource(documents), (from, pass) => {
    if (from === 0 || from > 299) pass();
  });
  const other = await plainServer(t);
  const { more } = await withOthers([other]);
  const { items, error } = await fetchAll(first.peer, more, small);
  t.is(error, null);
  t.deepEqual(texts(items), toTexts(documents));
});

test('another peer that dies in the middle is told of once, and its ranges go on elsewhere', async (t) => {
  const dying = await server(t, new MemorySource(documents), (from, pass, response) => {
    if (from < 60) {
      pass();
      return;
    }
    response.writeHead(200, { 'content-type': 'application/json' });
    response.write('[', () => response.socket?.destroy());
  });
  const first = await plainServer(t);
  const { more, failures } = await withOthers([dying]);
  const { items, error } = await fetchAll(first.peer, more, patient);
  t.is(error, null);
  t.deepEqual(texts(items), toTexts(documents));
  t.deepEqual(codes(failures), [[dying.peer.url, 'STREAM_TRUNCATED']]);
  const lost = asked(dying).filter(({ from }) => from >= 60);
  t.true(lost.length > 0 && lost.length <= 4);
});

test('what another peer had sent before it was cut is not fetched again', async (t) => {
  let cutAt = -1;
  const cutting = await server(t, new MemorySource(documents), (from, _pass, response) => {
    const body = `[${toTexts(documents.slice(from, from + 1)).join(',')},{"ha`;
    if (cutAt < 0) cutAt = from;
    response.writeHead(200, { 'content-type': 'application/json' });
    // The bytes are to be read first: both ends are in this process, which deals with them in its next turns.
    response.write(body, () => void turns(50).then(() => response.socket?.destroy()));
  });
  const first = await plainServer(t);
  const { more, failures } = await withOthers([cutting]);
  const { items, error } = await fetchAll(first.peer, more, { ...patient, parallel: 2 });
  t.is(error, null);
  t.deepEqual(texts(items), toTexts(documents));
  t.is(failures.length, 1);
  t.false(asked(first).some(({ from }) => from === cutAt));
  t.true(senders(items).has(cutting.peer.url));
});

for (const status of [403, 500, 404])
  test(`another peer that answers ${status} is left`, async (t) => {
    const bad = await server(t, new MemorySource(documents), (_from, _pass, response) => {
      response.writeHead(status).end();
    });
    const first = await plainServer(t);
    const { more, failures } = await withOthers([bad]);
    const { items, error } = await fetchAll(first.peer, more, patient);
    t.is(error, null);
    t.deepEqual(texts(items), toTexts(documents));
    t.is(failures.length, 1);
  });

test('another peer on another branch is told of as forked, and the asked peer brings its ranges', async (t) => {
  const liar = await server(t, new MemorySource(forked));
  const first = await plainServer(t);
  const { more, failures } = await withOthers([liar]);
  const { items, error } = await fetchAll(first.peer, more, patient);
  t.is(error, null);
  t.deepEqual(texts(items), toTexts(documents));
  t.deepEqual(codes(failures), [[liar.peer.url, 'FORKED']]);
  const again = asked(first).map(({ from }) => from);
  t.true(asked(liar).length > 0 && again.includes(asked(liar)[0]?.from ?? -1));
});

test('another peer that goes on from a block which it does not have is left, and nothing is laid to it', async (t) => {
  const liar = await server(t, new MemorySource(forked));
  const first = await server(t, new MemorySource(documents), (_from, _pass, response) => {
    response.socket?.destroy();
  });
  const { more, failures } = await withOthers([liar]);
  const outcome = await fetchAll(first.peer, { ...more, after: refAt(documents, 19), from: 20 }, patient);
  t.is(codeOf(outcome), 'PEER_UNREACHABLE');
  t.is(outcome.error?.context.peer, first.peer.url);
  t.deepEqual(texts(outcome.items), []);
  t.deepEqual(codes(failures), [[liar.peer.url, 'FORKED']]);
  t.is(asked(liar)[0]?.from, 20);
});

test('of two others that do not fit together the one that the asked peer disagrees with is left', async (t) => {
  const honest = await plainServer(t);
  const liar = await server(t, new MemorySource(forked));
  const first = await plainServer(t);
  const { more, failures } = await withOthers([honest, liar]);
  const { items, error } = await fetchAll(first.peer, more, patient);
  t.is(error, null);
  t.deepEqual(texts(items), toTexts(documents));
  t.deepEqual(codes(failures), [[liar.peer.url, 'FORKED']]);
  t.is(asked(liar)[0]?.from, (asked(honest)[0]?.to ?? 0) + 1);
});

test('blocks of another branch that were delivered for another peer are not laid to the asked one', async (t) => {
  let fork = -1;
  const liar = await serveRanges(t, new MemorySource(documents), {
    wrap: (handler) => (request, response) => {
      const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
      const [from, to] = [Number(searchParams.get('from')), Number(searchParams.get('to'))];
      if (pathname !== '/sync/json') {
        handler(request, response);
        return;
      }
      if (fork < 0) fork = to;
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(`[${toTexts(branchAt(fork).slice(from, to + 1)).join(',')}]`);
    },
  });
  const first = await plainServer(t);
  const { more, failures } = await withOthers([liar]);
  const outcome = await fetchAll(first.peer, more, patient);
  t.is(codeOf(outcome), 'STREAM_TRUNCATED');
  t.is(outcome.error?.context.peer, liar.peer.url);
  t.is(outcome.error?.context.height, fork + 1);
  t.deepEqual(texts(outcome.items), toTexts(branchAt(fork).slice(0, fork + 1)));
  t.deepEqual(codes(failures), [[liar.peer.url, 'FORKED']]);
});

test('when the asked peer dies the others bring what it had', async (t) => {
  const first = await server(t, new MemorySource(documents), (from, pass, response) => {
    if (from === 0) pass();
    else response.socket?.destroy();
  });
  const other = await plainServer(t);
  const { more, failures } = await withOthers([other]);
  const { items, error } = await fetchAll(first.peer, more, patient);
  t.is(error, null);
  t.deepEqual(texts(items), toTexts(documents));
  t.deepEqual(items.at(-1), { kind: 'complete', head: refAt(documents, 299) });
  t.deepEqual(failures, []);
});

test('when nobody is left the error is that of the asked peer', async (t) => {
  const [first, other] = (await Promise.all(
    [401, 500].map((status) =>
      server(t, new MemorySource(documents), (from, pass, response) => {
        if (from < 100) pass();
        else response.writeHead(status).end();
      }),
    ),
  )) as [TestServer, TestServer];
  const { more, failures } = await withOthers([other]);
  const outcome = await fetchAll(first.peer, more, patient);
  t.is(codeOf(outcome), 'PEER_UNAUTHORIZED');
  t.is(outcome.error?.context.peer, first.peer.url);
  t.deepEqual(codes(failures), [[other.peer.url, 'PEER_BUSY']]);
  const got = texts(outcome.items);
  t.true(got.length > 16);
  t.deepEqual(got, toTexts(documents.slice(0, got.length)));
});

test('a fork of the asked peer is thrown although others are left', async (t) => {
  const [first, other] = [await plainServer(t), await plainServer(t)];
  const { more } = await withOthers([other]);
  const outcome = await fetchAll(
    first.peer,
    { ...more, from: 10, after: { height: 9, hash: 'ee' } },
    patient,
  );
  t.is(codeOf(outcome), 'FORKED');
  t.deepEqual(asked(other), []);
});

test('a peer is asked only for what its status says it has', async (t) => {
  const behind = await server(t, new MemorySource(documents.slice(0, 120)));
  const pruned = await server(t, new MemorySource(documents, { base: 150 }));
  const first = await plainServer(t);
  const { more, failures } = await withOthers([behind, pruned]);
  const { items, error } = await fetchAll(first.peer, more, small);
  t.is(error, null);
  t.deepEqual(texts(items), toTexts(documents));
  t.deepEqual(failures, []);
  t.true(asked(behind).length > 0 && asked(behind).every(({ to }) => to < 120));
  t.true(asked(pruned).length > 0 && asked(pruned).every(({ from }) => from >= 150));
});

test('a consumer that stops early ends the requests to all peers', async (t) => {
  let open = 0;
  const hanging: Respond = (from, pass, response) => {
    open++;
    response.on('close', () => open--);
    if (from < 100) pass();
  };
  const servers = await Promise.all([1, 2, 3].map(() => server(t, new MemorySource(documents), hanging)));
  const [first, ...rest] = servers as [TestServer, TestServer, TestServer];
  const { more } = await withOthers(rest);
  const { signal } = new AbortController();
  let blocks = 0;
  for await (const items of transport(small).open(streamRequest(first.peer, more), { signal })) {
    blocks += items.length;
    if (blocks > 60) break;
  }
  await until(() => open === 0);
  t.is(getEventListeners(signal, 'abort').length, 0);
});

/** What a server does to one answer. */
const deed = fc.oneof(
  { weight: 6, arbitrary: fc.constant('pass' as const) },
  { weight: 2, arbitrary: fc.constant('late' as const) },
  { weight: 1, arbitrary: fc.constantFrom('hang', 'refuse', 'cut') },
);

function misbehave(deeds: readonly string[]): Respond {
  let turn = 0;
  return (_from, pass, response) => {
    const what = deeds[turn++ % deeds.length];
    if (what === 'pass') pass();
    else if (what === 'late') setTimeout(pass, 20);
    else if (what === 'refuse') response.writeHead(500).end();
    else if (what === 'cut') response.socket?.destroy();
  };
}

test('whatever the others do, all blocks come once and in order', async (t) => {
  const first = await plainServer(t);
  const all = fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(deed, { minLength: 1, maxLength: 6 }), { maxLength: 3 }),
      async (plans) => {
        const done: (() => unknown)[] = [];
        const scope: Teardown = { teardown: (fn) => void done.push(fn) };
        try {
          const source = (): MemorySource => new MemorySource(documents.slice(0, 150));
          const others = await Promise.all(plans.map((deeds) => server(scope, source(), misbehave(deeds))));
          const { more } = await withOthers(others);
          const options = { targetRangeBytes: 3000, hedgeAfterMs: 50 };
          const { items, error } = await fetchAll(first.peer, { ...more, to: 149 }, options);
          return error === null && texts(items).join() === toTexts(documents.slice(0, 150)).join();
        } finally {
          for (const fn of done.reverse()) await fn();
        }
      },
    ),
    { numRuns: 25 },
  );
  await t.notThrowsAsync(all);
});
