import test from 'ava';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { conformance } from '../../src/cli/conformance/run.js';
import { misshapen } from '../../src/cli/conformance/shape.js';
import { DEFAULT_TRANSPORT_LIMITS } from '../../src/config/limits.js';
import { createHttp1Client } from '../../src/http1-client/index.js';
import { createMetrics } from '../../src/metrics/index.js';
import { createSyncServer, nodeListener } from '../../src/server/index.js';
import { SCHEMAS, type SchemaName } from '../../src/server/descriptions/schemas.js';
import { type Exchange, readCassette } from '../../src/testing/cassette/format.js';
import { recordCassette } from '../../src/testing/cassette/record.js';
import { MemorySource } from '../helpers/memory-source.js';
import { listen } from '../helpers/servers.js';
import { serveAll } from '../helpers/whole-server.js';

type Schema = Readonly<Record<string, unknown>>;
interface Described {
  readonly parameters?: readonly { readonly name: string; readonly in: string }[];
  readonly responses: Readonly<
    Record<
      string,
      {
        readonly headers?: Readonly<Record<string, { readonly required: boolean }>>;
        readonly content?: Readonly<
          Record<string, { readonly schema: Schema; readonly 'x-line-schema'?: Schema }>
        >;
      }
    >
  >;
}
interface OpenApi {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Described>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}
interface AsyncApi {
  readonly asyncapi: string;
  readonly components: {
    readonly messages: Readonly<Record<string, { readonly contentType: string; readonly payload: Schema }>>;
    readonly schemas: Readonly<Record<string, Schema>>;
  };
}

/** A value, and what it has to be like. */
type Valued = readonly [unknown, Schema];

const limits = DEFAULT_TRANSPORT_LIMITS;

function unknownParameters({ parameters = [] }: Described, { searchParams }: URL): readonly string[] {
  const known = new Set(parameters.map(({ name }) => name));
  return [...searchParams.keys()].filter((name) => !known.has(name)).map((name) => `no parameter ${name}`);
}

/** Compiles what refers to the schemas of a document, which have to be whole by themselves. */
function compilerFor(schemas: Readonly<Record<string, Schema>>): (schema: Schema) => ValidateFunction {
  const ajv = new Ajv2020({ allErrors: true, strict: true, allowUnionTypes: true });
  const local = (value: unknown): Schema =>
    JSON.parse(JSON.stringify(value).replaceAll('#/components/schemas/', '#/$defs/')) as Schema;
  const $defs = local(schemas);
  const compiled = new Map<string, ValidateFunction>();
  return (schema) => {
    const key = JSON.stringify(schema);
    const validate = compiled.get(key) ?? ajv.compile({ ...local(schema), $defs });
    compiled.set(key, validate);
    return validate;
  };
}

/** What a run against a server is checked by, with which answers of the documents it saw. */
class Checker {
  readonly seen = new Set<string>();
  readonly wrong: string[] = [];
  readonly #openapi: OpenApi;
  readonly #asyncapi: AsyncApi;
  readonly #compile: ReturnType<typeof compilerFor>;

  constructor(openapi: OpenApi, asyncapi: AsyncApi) {
    this.#openapi = openapi;
    this.#asyncapi = asyncapi;
    this.#compile = compilerFor(openapi.components.schemas);
  }

  look(exchange: Exchange): void {
    const { method, target, status } = exchange;
    const url = new URL(target.replace(/^\/sync/, ''), 'http://localhost');
    const route = this.#route(url.pathname);
    const operation = this.#openapi.paths[route]?.[method.toLowerCase()];
    const response = operation?.responses[String(status)];
    this.seen.add(`${method} ${route} ${status}`);
    const found =
      operation === undefined || response === undefined
        ? ['is not described']
        : [...unknownParameters(operation, url), ...this.#unlike(exchange, response)];
    this.wrong.push(...found.map((text) => `${method} ${target} ${status}: ${text}`));
  }

  /** In what an answer is another one than is described. */
  #unlike(exchange: Exchange, { headers = {}, content }: Described['responses'][string]): readonly string[] {
    const { answer, body } = exchange;
    const missing = Object.entries(headers).filter(([name, { required }]) => required && !(name in answer));
    const type = (answer['content-type'] ?? '').split(';')[0] ?? '';
    const form = content?.[type];
    const values = body.length === 0 || form === undefined ? [] : this.#values(exchange, type, form);
    return [
      ...missing.map(([name]) => `no header ${name}`),
      ...(content !== undefined && form === undefined ? [`the type ${type} is not described`] : []),
      ...values.flatMap(([value, schema]) => {
        const validate = this.#compile(schema);
        return validate(value) ? [] : [JSON.stringify(validate.errors)];
      }),
    ];
  }

  #route(path: string): string {
    const { paths } = this.#openapi;
    if (path in paths) return path;
    const form = (route: string): RegExp =>
      new RegExp(`^${route.replaceAll('{page}', '.+').replaceAll(/\{\w+\}/g, '[^/]+')}$`);
    return Object.keys(paths).find((route) => form(route).test(path)) ?? path;
  }

  /** What a schema says something of, with that schema. */
  #values(
    { body, end }: Exchange,
    type: string,
    content: NonNullable<Described['responses'][string]['content']>[string],
  ): readonly Valued[] {
    const text = Buffer.concat(body).toString();
    const line = content['x-line-schema'];
    if (/\bjson$/.test(type)) {
      if (line === undefined) return [[JSON.parse(text), content.schema]];
      return text
        .trim()
        .split('\n')
        .map((each) => [JSON.parse(each) as unknown, line] as const);
    }
    if (type !== 'text/event-stream') return [];
    const events = text.split('\n\n').slice(0, -1);
    const { messages } = this.#asyncapi.components;
    return (end === 'end' ? events : events.slice(0, -1)).flatMap((event): readonly Valued[] => {
      const data = /^data: (.*)$/m.exec(event)?.[1];
      const name = /^event: (.*)$/m.exec(event)?.[1] ?? '';
      if (data === undefined) return [];
      const message = messages[name];
      this.seen.add(`event ${name}`);
      if (message === undefined) return [[name, { const: 'an event that is described' }] as const];
      return [[message.contentType === 'application/json' ? JSON.parse(data) : data, message.payload]];
    });
  }
}

test('all that a server answers is as its own documents describe it, and all that they describe is served', async (t) => {
  const url = await serveAll(t, { metrics: createMetrics() });
  const http = createHttp1Client(limits);
  t.teardown(() => http.close());
  const recorder = recordCassette(http.fetch);
  const { signal } = new AbortController();
  const asking = { deps: { fetch: recorder.fetch, limits }, peer: { url, headers: {} }, signal };
  let failed = 0;
  for await (const { state } of conformance(asking)) failed += state === 'failed' ? 1 : 0;
  t.is(failed, 0);
  const init = { method: 'GET', headers: {}, redirect: 'manual', signal } as const;
  for (const path of [
    '/openapi.json',
    '/asyncapi.json',
    '/metrics',
    '/snapshot/manifest',
    '/json?from=9&to=9&codec',
  ])
    await (await recorder.fetch(new URL(url + path), init)).body?.pipeTo(new WritableStream());
  const served = async (path: string): Promise<unknown> => (await fetch(url + path)).json();
  const openapi = (await served('/openapi.json')) as OpenApi;
  const asyncapi = (await served('/asyncapi.json')) as AsyncApi;
  t.regex(openapi.openapi, /^3\.1/);
  t.regex(asyncapi.asyncapi, /^3\./);
  const checker = new Checker(openapi, asyncapi);
  for (const exchange of readCassette(recorder.text())) checker.look(exchange);
  t.deepEqual(checker.wrong, ['GET /sync/json?from=9&to=9&codec 200: no parameter codec']);
  const gets = Object.entries(openapi.paths).map(([route, item]) => `GET ${route} 200 ${'get' in item}`);
  t.deepEqual(
    gets.filter((line) => !checker.seen.has(line.replace(' true', ''))),
    // Asked for by HEAD alone: its body is that of the id.
    ['GET /snapshot 200 true'],
  );
  for (const name of ['block', 'complete']) t.true(checker.seen.has(`event ${name}`), name);
  for (const [name, schema] of Object.entries(asyncapi.components.schemas))
    t.notThrows(() => compilerFor(asyncapi.components.schemas)(schema), name);
});

test('whoever has a description is told that it is the same, whichever server is asked', async (t) => {
  const [url, other] = await Promise.all(
    (['public', 'no-store'] as const).map(async (cache) => {
      const server = createSyncServer({ source: new MemorySource([]), cache });
      t.teardown(() => server.close());
      return `${await listen(t, nodeListener(server))}/sync`;
    }),
  );
  for (const path of ['/openapi.json', '/asyncapi.json']) {
    const whole = await fetch(`${url}${path}`);
    const etag = whole.headers.get('etag') ?? '';
    t.regex(etag, /^"[\w-]{32}"$/);
    t.is(whole.headers.get('cache-control'), 'no-cache');
    t.true((await whole.text()).length > 1_000);
    const again = await fetch(`${other}${path}`, { headers: { 'if-none-match': `"x", W/${etag}` } });
    t.is(again.status, 304);
    t.is(again.headers.get('etag'), etag);
    t.is(again.headers.get('cache-control'), 'no-store');
    t.is(await again.text(), '');
    const changed = await fetch(`${url}${path}`, { headers: { 'if-none-match': '"x"' } });
    t.is(changed.status, 200);
    const head = await fetch(`${url}${path}`, { method: 'HEAD' });
    t.is(head.headers.get('etag'), etag);
  }
});

/** Values that the schemas are tried with, right ones and, by one change each, wrong ones. */
function* variants(value: unknown): Iterable<unknown> {
  yield value;
  if (typeof value !== 'object' || value === null) {
    for (const other of [null, '', 'x', -1, 0.5, 2 ** 60, 3, {}, [], 'gzip', 'A'.repeat(64)]) yield other;
    return;
  }
  if (Array.isArray(value)) {
    for (const [at, item] of value.entries())
      for (const other of variants(item))
        yield value.map((each: unknown, index) => (index === at ? other : each));
    yield Array.from({ length: 65 }, () => value[0] as unknown);
    return;
  }
  const members = value as Readonly<Record<string, unknown>>;
  for (const name of Object.keys(members)) {
    yield Object.fromEntries(Object.entries(members).filter(([key]) => key !== name));
    for (const other of variants(members[name])) yield { ...members, [name]: other };
  }
  yield { ...members, more: 1 };
}

test('what the command line takes for a right document, a whole implementation of JSON Schema does too', (t) => {
  const ref = { height: 3, hash: 'x' };
  const right: Partial<Record<SchemaName, unknown>> = {
    Status: {
      protocol: 1,
      chain: 'sealed-json',
      chainId: 'x',
      base: 0,
      head: ref,
      finalized: null,
      codecs: { stream: ['gzip'], json: [], snapshot: [], frames: ['gzip'] },
      tiles: { from: 0, to: 3, tail: null },
      limits: { maxRange: 3 },
      snapshots: [{ type: 'full', id: 'x', ...ref }],
      signers: ['x'],
    },
    Problem: { status: 409, code: 'FORKED', ancestors: [ref], base: 0 },
    TileEntry: { from: 0, to: 3, hash: 'x', documentBytes: 3, bytes: 3, digest: 'a'.repeat(64) },
    Complete: { height: null, hash: null },
    Health: { status: 'ok' },
  };
  const compile = compilerFor(SCHEMAS);
  for (const [name, value] of Object.entries(right) as [SchemaName, unknown][]) {
    const validate = compile(SCHEMAS[name]);
    let refused = 0;
    t.is(misshapen(value, name), null, name);
    for (const variant of variants(value)) {
      const isRight = validate(variant);
      t.is(misshapen(variant, name) === null, isRight, `${name}: ${JSON.stringify(variant)}`);
      refused += isRight ? 0 : 1;
    }
    t.true(refused > 3, name);
  }
});
