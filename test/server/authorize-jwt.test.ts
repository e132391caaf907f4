import { createServer, type Server } from 'node:http';
import express from 'express';
import test, { type ExecutionContext } from 'ava';
import {
  base64url,
  type CryptoKey,
  exportJWK,
  exportSPKI,
  generateKeyPair,
  type JWK,
  type RemoteJWKSetOptions,
  SignJWT,
} from 'jose';
import { byJwt } from '../../examples/authorize-jwt.js';
import { createSyncEngine } from '../../src/index.js';
import { syncMiddleware } from '../../src/server/express.js';
import { freePort } from '../helpers/free-port.js';
import { MemorySource } from '../helpers/memory-source.js';
import { sealedChain } from '../helpers/sealed-chain.js';
import { listen } from '../helpers/servers.js';
import { until } from '../helpers/waiting.js';

const AUDIENCE = 'https://node.example/sync';

/** What a token says other than the usual. */
interface Changes {
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly expires?: string;
  readonly kid?: string | null;
}

/** An issuer of tokens that serves its keys over HTTP, as OpenID providers do. */
class TestIssuer {
  readonly #port: number;
  #server: Server | null;
  readonly #published: JWK[] = [];
  readonly #keys = new Map<string, { readonly privateKey: CryptoKey; readonly publicKey: CryptoKey }>();
  /** How often the keys were asked for. */
  asked = 0;

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.#port = port;
    server.on('request', this.#answer);
  }

  static async start(t: ExecutionContext): Promise<TestIssuer> {
    // It is started again on the same one.
    const port = await freePort();
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    const issuer = new TestIssuer(server, port);
    t.teardown(() => issuer.stop());
    return issuer;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    if (server === null) return;
    this.#server = null;
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }

  async startAgain(): Promise<void> {
    const server = createServer(this.#answer);
    await new Promise<void>((resolve) => server.listen(this.#port, '127.0.0.1', resolve));
    this.#server = server;
  }

  /** Makes a key; it is among those that are published from now on, unless it is a stranger's. */
  async addKey(kid: string, { published = true } = {}): Promise<CryptoKey> {
    const pair = await generateKeyPair('ES256');
    this.#keys.set(kid, pair);
    if (published)
      this.#published.push({ ...(await exportJWK(pair.publicKey)), kid, alg: 'ES256', use: 'sig' });
    return pair.publicKey;
  }

  /** Publishes a key no longer. */
  withdraw(kid: string): void {
    const at = this.#published.findIndex((key) => key.kid === kid);
    this.#published.splice(at, 1);
  }

  /** A token of hospital-1 that is good, save for the changes. */
  token(key: string, { claims = {}, expires = '10m', kid = key }: Changes = {}): Promise<string> {
    const good = { iss: this.url, aud: AUDIENCE, sub: 'hospital-1', scope: 'openid sync:read', ...claims };
    const { privateKey } = this.#keys.get(key) ?? {};
    if (privateKey === undefined) throw new Error(`There is no key ${key}.`);
    const header = { alg: 'ES256', ...(kid === null ? {} : { kid }) };
    return new SignJWT(good)
      .setProtectedHeader(header)
      .setIssuedAt()
      .setExpirationTime(expires)
      .sign(privateKey);
  }

  readonly #answer = (_request: unknown, response: { end(text: string): unknown }): void => {
    this.asked += 1;
    response.end(JSON.stringify({ keys: this.#published }));
  };
}

interface Guarded {
  readonly url: string;
  readonly issuer: TestIssuer;
  readonly errors: unknown[];
  /** The status that a request with a token is answered with. */
  readonly ask: (token: string) => Promise<number>;
}

async function guarded(t: ExecutionContext, keys: RemoteJWKSetOptions = {}): Promise<Guarded> {
  const issuer = await TestIssuer.start(t);
  const errors: unknown[] = [];
  const authorize = byJwt({ issuer: issuer.url, audience: AUDIENCE, jwksUri: `${issuer.url}/jwks`, keys });
  const source = new MemorySource(sealedChain(20));
  const middleware = syncMiddleware({ source, authorize, onError: (error) => errors.push(error) });
  t.teardown(() => middleware.close());
  const url = `${await listen(t, express().use('/sync', middleware))}/sync`;
  const ask = async (token: string): Promise<number> => {
    const response = await fetch(`${url}/json`, { headers: { authorization: `Bearer ${token}` } });
    await response.text();
    return response.status;
  };
  return { url, issuer, errors, ask };
}

test('a token that holds lets its subject read, and one that does not is 401, of whatever kind it is', async (t) => {
  const { issuer, errors, ask } = await guarded(t);
  const publicKey = await issuer.addKey('k1');
  await issuer.addKey('k2');
  await issuer.addKey('stranger', { published: false });
  const good = await issuer.token('k1');
  t.is(await ask(good), 200);

  const [header = '', payload = '', signature = ''] = good.split('.');
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as Record<string, unknown>;
  const asMallory = base64url.encode(JSON.stringify({ ...claims, sub: 'mallory' }));
  const none = base64url.encode(JSON.stringify({ alg: 'none', kid: 'k1' }));
  // Whoever takes the algorithm from the token takes the public key for a secret that both know.
  const secret = new TextEncoder().encode(await exportSPKI(publicKey));
  const confused = new SignJWT(claims).setProtectedHeader({ alg: 'HS256', kid: 'k1' }).sign(secret);
  const bad: Readonly<Record<string, string>> = {
    expired: await issuer.token('k1', { expires: '-1m' }),
    'of another audience': await issuer.token('k1', { claims: { aud: 'https://other.example' } }),
    'of another issuer': await issuer.token('k1', { claims: { iss: 'https://other.example' } }),
    'without an audience': await issuer.token('k1', { claims: { aud: undefined } }),
    'without a subject': await issuer.token('k1', { claims: { sub: undefined } }),
    'with an empty subject': await issuer.token('k1', { claims: { sub: '' } }),
    'with a subject that is too long': await issuer.token('k1', { claims: { sub: 'x'.repeat(257) } }),
    'not yet valid': await issuer.token('k1', { claims: { nbf: Date.now() / 1000 + 3600 } }),
    'signed by a stranger, in the name of a key': await issuer.token('stranger', { kid: 'k1' }),
    'signed by a stranger': await issuer.token('stranger'),
    'that names none of several keys': await issuer.token('k1', { kid: null }),
    'with other claims behind the same signature': `${header}.${asMallory}.${signature}`,
    'with a cut signature': good.slice(0, -10),
    'of the algorithm none': `${none}.${payload}.`,
    'of the algorithm none with a signature': `${none}.${payload}.${signature}`,
    'signed with the public key as a secret': await confused,
    'that is none': 'a.b.c',
    'that is a word': 'hospital-1',
    'that is a JWE': 'a.b.c.d.e',
  };
  for (const [name, token] of Object.entries(bad)) t.is(await ask(token), 401, `a token ${name}`);
  t.is(await ask(''), 401);
  t.deepEqual(errors, [], 'a bad token is no failure of the server');
});

test('a token without an end is refused, and one without the scope is 403', async (t) => {
  const { issuer, ask } = await guarded(t);
  await issuer.addKey('k1');
  t.is(await ask(await issuer.token('k1', { claims: { scope: 'openid' } })), 403);
  t.is(await ask(await issuer.token('k1', { claims: { scope: ['sync:read'] } })), 403);
  const { privateKey, publicKey } = await generateKeyPair('EdDSA');
  const jwk = { ...(await exportJWK(publicKey)), kid: 'endless', alg: 'EdDSA' };
  const keys = await listen(t, (_request, response) => response.end(JSON.stringify({ keys: [jwk] })));
  const authorize = byJwt({ issuer: issuer.url, audience: AUDIENCE, jwksUri: keys });
  const sign = (expires: string | null): Promise<string> => {
    const token = new SignJWT({ iss: issuer.url, aud: AUDIENCE, sub: 'a', scope: 'sync:read' });
    if (expires !== null) token.setExpirationTime(expires);
    return token.setProtectedHeader({ alg: 'EdDSA', kid: 'endless' }).sign(privateKey);
  };
  const found = async (expires: string | null): Promise<unknown> => {
    const authorization = `Bearer ${await sign(expires)}`;
    return authorize({ header: () => authorization });
  };
  t.deepEqual(await found('1m'), { id: 'a', maxStreams: 5 });
  t.is(await found(null), null);
});

test('while the issuer is down nobody is let in, nor told that the token is bad; a node comes again', async (t) => {
  const { url, issuer, errors, ask } = await guarded(t);
  await issuer.addKey('k1');
  const token = await issuer.token('k1');
  await issuer.stop();
  t.is(await ask(token), 500);
  t.is(errors.length, 1);

  const engine = createSyncEngine({
    peers: [{ url, headers: { authorization: () => `Bearer ${token}` } }],
    storage: { use: 'memory' },
    retry: { baseDelayMs: 1, maxDelayMs: 50 },
    follow: true,
  });
  t.teardown(() => engine.close());
  const started = engine.start();
  started.catch(() => undefined);
  await until(() => errors.length > 3);
  await issuer.startAgain();
  await until(() => engine.state.checkpoint?.head?.height === 19);
  t.is(await ask(token), 200);
});

test('keys are kept while the issuer is down, and an answer that has none is its failure', async (t) => {
  const { issuer, ask } = await guarded(t);
  await issuer.addKey('k1');
  const token = await issuer.token('k1');
  t.is(await ask(token), 200);
  await issuer.stop();
  t.is(await ask(token), 200);
  t.is(issuer.asked, 1);

  for (const answer of ['<html>', '{"keys":7}', '']) {
    const keys = await listen(t, (_request, response) => response.end(answer));
    const authorize = byJwt({ issuer: issuer.url, audience: AUDIENCE, jwksUri: keys });
    await t.throwsAsync(authorize({ header: () => `Bearer ${token}` }), undefined, answer);
  }
});

test('a key that is new is found, and one that was withdrawn is forgotten, without a restart', async (t) => {
  const { issuer, ask } = await guarded(t, { cooldownDuration: 0 });
  await issuer.addKey('k1');
  const old = await issuer.token('k1');
  t.is(await ask(old), 200);
  await issuer.addKey('k2');
  const renewed = await issuer.token('k2');
  t.is(await ask(renewed), 200);
  t.is(await ask(old), 200, 'both are good while both are published');
  t.is(issuer.asked, 2);
  issuer.withdraw('k1');
  await issuer.addKey('k3');
  t.is(await ask(await issuer.token('k3')), 200);
  t.is(await ask(old), 401);
  t.is(await ask(renewed), 200);
});

test('strangers can not make the server ask the issuer again and again', async (t) => {
  const { issuer, ask } = await guarded(t);
  await issuer.addKey('k1');
  t.is(await ask(await issuer.token('k1')), 200);
  for (let number = 0; number < 10; number++)
    t.is(await ask(await issuer.token('k1', { kid: `k${number + 2}` })), 401);
  t.is(issuer.asked, 1);
});
