import type { RequestListener } from 'node:http';
import { join } from 'node:path';
import { inspect } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { exposedCredentials } from '../../src/engine/peers/exposed-credentials.js';
import { createSyncEngine, type HeaderValue, type SyncError, type SyncEvent } from '../../src/index.js';
import { createSyncServer, nodeListener } from '../../src/server/index.js';
import { guarded } from '../helpers/guarded.js';
import { listen } from '../helpers/servers.js';
import { tempDir } from '../helpers/temp-dir.js';
import { tiledChain, tiledDocuments } from '../helpers/tiled-chain.js';
import { blocksOn, Follower, sourceChain } from './follow-support.js';
import { all, fewBlocks, node, sync } from './snapshot-support.js';

const memory = { use: 'memory' } as const;

/** A server that takes each request only with another token than it came with first, as where every token has just expired. */
interface Expiring {
  readonly url: string;
  readonly passed: string[];
  readonly refused: string[];
}

async function expiring(t: ExecutionContext, inner: RequestListener): Promise<Expiring> {
  const first = new Map<string, string | undefined>();
  const passed: string[] = [];
  const refused: string[] = [];
  const url = await listen(t, (request, response) => {
    const { url: target = '/', method = '', headers } = request;
    const { pathname } = new URL(target, 'http://localhost');
    const asked = `${method} ${target} ${headers.range ?? ''}`;
    if (first.has(asked) && first.get(asked) !== headers.authorization) {
      first.delete(asked);
      passed.push(pathname);
      inner(request, response);
      return;
    }
    first.set(asked, headers.authorization);
    refused.push(pathname);
    response.writeHead(401, { 'www-authenticate': 'Bearer' }).end();
  });
  return { url: `${url}/sync`, passed, refused };
}

/** A new token each time. */
function tokens(): () => string {
  let given = 0;
  return () => {
    given += 1;
    return `Bearer ${given}`;
  };
}

test('a token that is rotated all the time gets every way to sync through, status and snapshot included', async (t) => {
  const { chain, signer } = await node(t);
  const snapshots = { signer, directory: join(tempDir(t), 'snapshots'), maxPartBytes: 2_000 };
  const server = createSyncServer({ source: chain, snapshots });
  t.teardown(() => server.close());
  const ways = { stream: '/sync/stream', json: '/sync/json', snapshot: '/sync/snapshot' } as const;
  for (const [mode, path] of Object.entries(ways)) {
    const guard = await expiring(t, nodeListener(server, { path: '/sync' }));
    const run = await sync({
      peers: [{ url: guard.url, headers: { authorization: tokens() } }],
      mode: mode as keyof typeof ways,
      trust: { signers: [signer.publicKey] },
      snapshot: fewBlocks,
      storage: memory,
    });
    t.is(run.code, null, mode);
    t.true(run.stored.equals(all), mode);
    t.true(guard.passed.includes('/sync/status'), mode);
    t.true(
      guard.passed.some((each) => each.startsWith(path)),
      mode,
    );
    t.true(
      guard.refused.some((each) => each.startsWith(path)),
      `${mode} was refused at first`,
    );
    t.deepEqual(
      run.events.filter(({ type }) => type === 'retry'),
      [],
      'and no connection was lost by it',
    );
  }
});

test('tiles are fetched with the credentials of the moment too', async (t) => {
  const chain = await tiledChain(t, tiledDocuments(400));
  const server = createSyncServer({ source: chain });
  t.teardown(() => server.close());
  const guard = await expiring(t, nodeListener(server, { path: '/sync' }));
  const next = tokens();
  const engine = createSyncEngine({
    peers: [{ url: guard.url, headers: { Authorization: () => Promise.resolve(next()) } }],
    storage: memory,
  });
  t.teardown(() => engine.close());
  await engine.start();
  t.is(engine.state.checkpoint?.head?.height, 399);
  t.true(guard.passed.some((path) => path.startsWith('/sync/tiles/')));
});

test('a follower outlives its token: the connection is cut, and the next one has the new token', async (t) => {
  const source = await sourceChain(t, 5);
  const server = createSyncServer({ source });
  t.teardown(() => server.close());
  const guard = guarded(nodeListener(server, { path: '/sync' }));
  const url = `${await listen(t, guard.listener)}/sync`;
  const authorization = (): string => `Bearer ${guard.token}`;
  const follower = new Follower(t, { peers: [{ url, headers: { authorization } }] });
  await follower.until(() => follower.engine.state.phase === 'synced');
  guard.token = 'second';
  await source.append(blocksOn(source.tip().head, 3, 'more'));
  await follower.reaches(source);
  t.is(guard.refused.length, 0);
});

test('a peer that refuses the same credentials is not asked with them again', async (t) => {
  let calls = 0;
  const guard = guarded(() => undefined);
  const url = await listen(t, guard.listener);
  const authorization = (): string => {
    calls += 1;
    return 'Bearer wrong';
  };
  const { code } = await sync({ peers: [{ url, headers: { authorization } }], storage: memory });
  t.is(code, 'PEER_UNAUTHORIZED');
  t.is(calls, 2, 'the function was asked once more');
  t.deepEqual(guard.refused, ['/sync/status']);
});

test('a redirect takes no header to another place', async (t) => {
  const seen: unknown[] = [];
  const elsewhere = await listen(t, (request, response) => {
    seen.push(request.headers.authorization);
    response.end();
  });
  const url = await listen(t, (_request, response) => {
    response.writeHead(307, { location: `${elsewhere}/sync/status` }).end();
  });
  const headers = { authorization: () => 'Bearer secret', 'x-tenant': 'secret' };
  const { code } = await sync({ peers: [{ url, headers }], storage: memory });
  t.is(code, 'REDIRECT_REFUSED');
  t.deepEqual(seen, []);
});

const FAULTS: Readonly<Record<string, { readonly value: HeaderValue; readonly told: RegExp }>> = {
  throws: {
    value: () => {
      throw new Error('token=s3cret');
    },
    told: /header authorization threw/,
  },
  rejects: { value: () => Promise.reject(new Error('token=s3cret')), told: /header authorization threw/ },
  'never gives one': { value: () => new Promise(() => undefined), told: /gave nothing within 30 ms/ },
  'gives nothing': { value: (() => undefined) as never, told: /gave something of the type undefined/ },
  'gives two lines': { value: () => 's3cret\nx: y', told: /can't carry/ },
  'gives too much': { value: () => 's3cret'.repeat(20_000), told: /more than 65536 characters/ },
};

for (const [name, { value, told }] of Object.entries(FAULTS))
  test(`a function that ${name} is named without what it gave, and no request is made`, async (t) => {
    let requests = 0;
    const url = await listen(t, (_request, response) => {
      requests += 1;
      response.end();
    });
    const engine = createSyncEngine({
      peers: [{ url, headers: { authorization: value } }],
      storage: memory,
      retry: { maxAttempts: 2, baseDelayMs: 1 },
      limits: { connectTimeoutMs: 30 },
    });
    t.teardown(() => engine.close());
    const events: SyncEvent[] = [];
    engine.events.subscribe((event) => events.push(event));
    const error = await t.throwsAsync<SyncError>(engine.start());
    t.is(error.code, 'CREDENTIALS_UNAVAILABLE');
    t.regex(error.message, told);
    t.is(error.context.peer, `${url}/sync`);
    t.false(error.message.includes('s3cret'));
    t.is(requests, 0);
    t.is(events.filter(({ type }) => type === 'retry').length, 1, 'it is tried again');
  });

test('a token that can not be had for a while only delays a follower', async (t) => {
  const source = await sourceChain(t, 5);
  const server = createSyncServer({ source });
  t.teardown(() => server.close());
  const guard = guarded(nodeListener(server, { path: '/sync' }));
  const url = `${await listen(t, guard.listener)}/sync`;
  let calls = 0;
  const authorization = (): string => {
    calls += 1;
    if (calls < 4) throw new Error('the issuer is down');
    return 'Bearer first';
  };
  const follower = new Follower(t, {
    peers: [{ url, headers: { authorization } }],
    retry: { baseDelayMs: 1, maxDelayMs: 5 },
  });
  await follower.reaches(source);
  t.true(calls >= 4);
});

test('no event, error or state of an engine has a credential in it', async (t) => {
  const guard = guarded(() => undefined);
  const url = (await listen(t, guard.listener)).replace('//', '//user:pa55word@');
  const config = {
    peers: [{ url, headers: { authorization: () => 'Bearer s3cret', cookie: 's3cret=1' } }],
    storage: memory,
    retry: { maxAttempts: 2, baseDelayMs: 1 },
  };
  const engine = createSyncEngine(config);
  t.teardown(() => engine.close());
  const told: unknown[] = [];
  engine.events.subscribe((event) => told.push(event));
  const error = await t.throwsAsync(engine.start());
  const text = inspect([told, error, engine.state, engine.peers], { depth: 20, showHidden: true });
  t.regex(text, /PEER_UNAUTHORIZED/);
  t.notRegex(text, /s3cret|pa55word/);
});

test('credentials over plain HTTP to another machine are warned of once, and nothing else is', async (t) => {
  const at = (url: string, headers: Record<string, HeaderValue>): readonly string[] =>
    exposedCredentials([{ url, headers }]);
  const token = { authorization: () => 'Bearer s3cret' };
  t.is(at('http://a.example/sync', token).length, 1);
  t.is(at('http://10.0.0.1/sync', { cookie: 'a=b' }).length, 1);
  t.is(at('http://localhost.example/sync', token).length, 1);
  for (const url of [
    'https://a.example/sync',
    'http://localhost:80/sync',
    'http://a.localhost/',
    'http://127.9.0.1/',
    'http://[::1]/',
  ])
    t.deepEqual(at(url, token), [], url);
  t.deepEqual(at('http://a.example/sync', { 'x-tenant': 'a' }), []);

  const refused = (): Promise<never> => Promise.reject(new TypeError('no network here'));
  const { events } = await sync({
    peers: [{ url: 'http://a.example', headers: { authorization: 'Bearer s3cret' } }],
    storage: memory,
    fetch: refused,
  });
  const warnings = events.filter((event) => event.type === 'warning');
  t.deepEqual(
    warnings.map(({ code }) => code),
    ['CREDENTIALS_EXPOSED'],
  );
  t.notRegex(warnings[0]?.message ?? '', /s3cret/);
});
