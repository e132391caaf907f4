import type { Schema, SchemaName } from './schemas.js';

/** An answer, as OpenAPI has it. */
export interface Response {
  readonly description: string;
  readonly headers?: Readonly<Record<string, { readonly required: boolean; readonly schema: Schema }>>;
  readonly content?: Readonly<Record<string, { readonly schema: Schema; readonly 'x-line-schema'?: Schema }>>;
}

/** A reference to a schema of the document. */
export function schema(name: SchemaName): Schema {
  return { $ref: `#/components/schemas/${name}` };
}

const TEXT: Schema = { type: 'string' };

/** Headers that are always there. */
export function always(...names: readonly string[]): NonNullable<Response['headers']> {
  return Object.fromEntries(names.map((name) => [name, { required: true, schema: TEXT }]));
}

/** Bytes that are no text. */
export const BYTES = { schema: {} } as const;

export function json(description: string, name: SchemaName, headers: readonly string[] = []): Response {
  const content = { 'application/json': { schema: schema(name) } };
  return { description, headers: always('cache-control', ...headers), content };
}

function problem(description: string): Response {
  const content = { 'application/problem+json': { schema: schema('Problem') } };
  return { description, headers: always('cache-control'), content };
}

/** Why any request may be refused. */
export const REFUSALS = {
  '400': problem(
    'A parameter is not valid, or the codec is not here: `BAD_REQUEST`, `CODEC_UNAVAILABLE`, `RANGE_TOO_LARGE`.',
  ),
  '401': problem('The operator asks who reads: `UNAUTHORIZED`.'),
  '403': problem('Who asks may not read this: `FORBIDDEN`.'),
  '404': problem('There is nothing at this path.'),
  '405': problem('Only GET and HEAD are answered: `METHOD_NOT_ALLOWED`.'),
  '429': problem('This client has too much open: `TOO_MANY_STREAMS`. See Retry-After.'),
  '500': problem('The server failed.'),
  '503': problem('The server is busy, or closes: `SERVER_BUSY`. See Retry-After.'),
} as const satisfies Readonly<Record<string, Response>>;

/** Why a request for blocks may be refused besides. */
export const CHAIN_REFUSALS = {
  '409': problem('The parent is not on this chain: `FORKED`, with `ancestors`.'),
  '410': problem('The first height is below the base: `BELOW_BASE`, with `base`.'),
} as const satisfies Readonly<Record<string, Response>>;

/** The client has the body already. */
export const UNCHANGED: Response = { description: 'The client has this.', headers: always('etag') };

/** No part of the body is so far. */
export const BEYOND: Response = {
  ...problem('The range begins behind the end.'),
  headers: always('content-range'),
};

/** Part of a body. */
export function part(type: string): Response {
  return {
    description: 'A part of the body.',
    headers: always('etag', 'content-range', 'cache-control'),
    content: { [type]: BYTES },
  };
}
