import { PARAMETERS, type Parameter } from './parameters.js';
import {
  always,
  BEYOND,
  BYTES,
  CHAIN_REFUSALS,
  json,
  part,
  REFUSALS,
  type Response,
  schema,
  UNCHANGED,
} from './responses.js';

/** A request, as OpenAPI has it. */
export interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly parameters?: readonly Parameter[];
  readonly responses: Readonly<Record<string, Response>>;
  readonly security?: readonly object[];
}

/** The operations of a path. */
export interface PathItem {
  readonly get: Operation;
  readonly head?: Operation;
}

/** The same as a HEAD, whose answers are heads. */
function withHead(get: Operation): PathItem {
  const operationId = `head${get.operationId[0]?.toUpperCase() ?? ''}${get.operationId.slice(1)}`;
  const summary = `The head of the same answer: ${get.summary}`;
  return { get, head: { ...get, operationId, summary } };
}

const P = PARAMETERS;
/** Of requests that have no parameter which could be wrong. */
const OTHER_REFUSALS = Object.fromEntries(Object.entries(REFUSALS).filter(([status]) => status !== '400'));
/** Whoever asks for these is not asked who it is. */
const OPEN = [{}] as const;

const STATUS = withHead({
  operationId: 'status',
  summary: 'Where the chain stands, and what the server offers.',
  responses: { '200': json('The status document.', 'Status'), ...OTHER_REFUSALS },
});

const STREAM = withHead({
  operationId: 'stream',
  summary: 'Blocks as server-sent events; asyncapi.json has the events.',
  parameters: [P.fromHeight, P.toHeight, P.follow, P.streamCodec, P.parentHash, P.client, P.lastEventId],
  responses: {
    '200': {
      description: 'The stream.',
      headers: always('cache-control', 'x-accel-buffering'),
      content: { 'text/event-stream': { schema: { type: 'string' } } },
    },
    '204': { description: 'The client has everything; or, of a HEAD, the lease of the stream is renewed.' },
    ...REFUSALS,
    ...CHAIN_REFUSALS,
  },
});

const JSON_RANGE = withHead({
  operationId: 'range',
  summary: 'The blocks of a range of heights, both ends included.',
  parameters: [P.from, P.to, P.parentHash, P.frames, P.wait, P.ifNoneMatch],
  responses: {
    '200': {
      description: 'The blocks: as an array, one a line, or in frames.',
      headers: always('cache-control', 'vary'),
      content: {
        'application/json': { schema: { type: 'array', items: schema('Block') } },
        'application/x-ndjson': { schema: { type: 'string' }, 'x-line-schema': schema('Block') },
        'application/x-blockferry-frames': BYTES,
      },
    },
    '304': UNCHANGED,
    ...REFUSALS,
    ...CHAIN_REFUSALS,
  },
});

const TILE_INDEX = withHead({
  operationId: 'tileIndex',
  summary: 'The tiles of a page, one a line.',
  parameters: [P.page, P.ifNoneMatch],
  responses: {
    '200': {
      description: 'The index.',
      headers: always('etag', 'cache-control'),
      content: {
        'application/x-ndjson': { schema: { type: 'string' }, 'x-line-schema': schema('TileEntry') },
      },
    },
    '304': UNCHANGED,
    ...OTHER_REFUSALS,
  },
});

const TILE = withHead({
  operationId: 'tile',
  summary: 'A run of settled blocks, one a line, compressed.',
  parameters: [P.page, P.tile, P.ifNoneMatch, P.range, P.ifRange],
  responses: {
    '200': {
      description: 'The tile.',
      headers: always('etag', 'cache-control', 'accept-ranges'),
      content: { 'application/gzip': BYTES, 'application/zstd': BYTES },
    },
    '206': part('application/gzip'),
    '304': UNCHANGED,
    '416': BEYOND,
    ...OTHER_REFUSALS,
  },
});

function snapshotBody(operationId: string, summary: string, parameters: readonly Parameter[]): PathItem {
  return withHead({
    operationId,
    summary,
    parameters: [...parameters, P.ifNoneMatch, P.range, P.ifRange],
    responses: {
      '200': {
        description: 'The body.',
        headers: always(
          'etag',
          'cache-control',
          'accept-ranges',
          'content-disposition',
          'x-snapshot-height',
          'x-snapshot-hash',
          'x-snapshot-signer',
          'x-snapshot-signature',
        ),
        content: { 'application/octet-stream': BYTES },
      },
      '206': part('application/octet-stream'),
      '304': UNCHANGED,
      '416': BEYOND,
      ...REFUSALS,
    },
  });
}

function manifest(operationId: string, summary: string, parameters: readonly Parameter[]): PathItem {
  return withHead({
    operationId,
    summary,
    parameters: [...parameters, P.ifNoneMatch],
    responses: { '200': json('The manifest.', 'Manifest', ['etag']), '304': UNCHANGED, ...REFUSALS },
  });
}

const text = (description: string, type: string): Response => ({
  description,
  headers: always('cache-control'),
  content: { [type]: { schema: { type: 'string' } } },
});

const description = (operationId: string, summary: string): PathItem => ({
  get: {
    operationId,
    summary,
    parameters: [P.ifNoneMatch],
    responses: {
      '200': {
        description: summary,
        headers: always('etag', 'cache-control'),
        content: { 'application/json': { schema: { type: 'object' } } },
      },
      '304': UNCHANGED,
      ...OTHER_REFUSALS,
    },
  },
});

/** All routes of a server. What is not offered is 404: the status says what is. */
export const PATHS = {
  '/status': STATUS,
  '/stream': STREAM,
  '/json': JSON_RANGE,
  '/tiles/{page}/index.ndjson': TILE_INDEX,
  '/tiles/{page}/{name}': TILE,
  '/snapshot': snapshotBody('newestSnapshot', 'The newest snapshot of a type.', [P.type, P.snapshotCodec]),
  '/snapshot/manifest': manifest('newestManifest', 'The manifest of the newest snapshot of a type.', [
    P.type,
    P.snapshotCodec,
  ]),
  '/snapshot/{id}': snapshotBody('snapshot', 'A snapshot, which never changes.', [P.id]),
  '/snapshot/{id}/manifest': manifest('manifest', 'The manifest of a snapshot.', [P.id]),
  '/health': {
    get: {
      operationId: 'health',
      summary: 'Whether the process answers.',
      security: OPEN,
      responses: { '200': json('It does.', 'Health'), '404': REFUSALS['404'] },
    },
  },
  '/ready': {
    get: {
      operationId: 'ready',
      summary: 'Whether requests should be sent to the node.',
      security: OPEN,
      responses: {
        '200': json('They should.', 'Ready'),
        '404': REFUSALS['404'],
        '503': { ...REFUSALS['503'], description: 'They should not: `NOT_READY`, with a `reason`.' },
      },
    },
  },
  '/metrics': {
    get: {
      operationId: 'metrics',
      summary: 'Figures of the node, where the operator serves them.',
      responses: { '200': text('OpenMetrics.', 'application/openmetrics-text'), ...OTHER_REFUSALS },
    },
  },
  '/openapi.json': description('openapi', 'This document.'),
  '/asyncapi.json': description('asyncapi', 'The events of a stream, as AsyncAPI.'),
} as const satisfies Readonly<Record<string, PathItem>>;
