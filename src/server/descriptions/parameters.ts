import type { Schema } from './schemas.js';

/** A parameter of a request, as OpenAPI has it. */
export type Parameter = Readonly<Record<string, unknown>>;

const HEIGHT: Schema = { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER };
const TEXT: Schema = { type: 'string' };

const query = (name: string, description: string, schema: Schema): Parameter => ({
  name,
  in: 'query',
  description,
  schema,
});

const path = (name: string, description: string, schema: Schema): Parameter => ({
  name,
  in: 'path',
  required: true,
  description,
  schema,
});

const header = (name: string, description: string): Parameter => ({
  name,
  in: 'header',
  description,
  schema: TEXT,
});

/** Parameters by a name of their own. */
export const PARAMETERS = {
  from: query('from', 'The first height; 0 by default.', HEIGHT),
  to: query('to', 'The last height, included; cut to the head, which is the default.', HEIGHT),
  frames: query('frames', 'Blocks encoded in this codec, each behind its length.', TEXT),
  wait: query('wait', 'Seconds to wait for the first block, if there is none yet.', {
    type: 'integer',
    minimum: 0,
    maximum: 999_999,
  }),
  fromHeight: query('from_height', 'The first height; 0 by default.', HEIGHT),
  toHeight: query('to_height', 'The last height, included.', HEIGHT),
  follow: query('follow', 'Whether to go on with new blocks at the head.', { enum: ['true', 'false'] }),
  streamCodec: query('codec', 'One that the status lists; gzip by default.', TEXT),
  client: query(
    'client',
    'A secret name of the stream, which gives it a lease. Of a HEAD it renews the lease.',
    {
      type: 'string',
      pattern: '^[A-Za-z0-9_-]{22,64}$',
    },
  ),
  parentHash: query('parent_hash', 'The hash that the client has below the first height.', TEXT),
  lastEventId: header('last-event-id', 'The last height that came; the stream goes on behind it.'),
  ifNoneMatch: header('if-none-match', 'An ETag that the client has the body of.'),
  ifRange: header('if-range', 'The ETag of the body that a part is wanted of.'),
  range: header('range', 'The bytes that are wanted, as one range.'),
  page: path('page', 'Number of the page, FROM / 65,536 rounded down: `000`, `042`, `x001/234`.', TEXT),
  tile: path('name', 'FROM-TO-H32.ndjson.gz, or .ndjson.zst.', {
    type: 'string',
    pattern: '^[0-9]{16}-[0-9]{16}-[0-9a-f]{32}\\.ndjson\\.(gz|zst)$',
  }),
  id: path('id', 'The id of a snapshot.', TEXT),
  type: query('type', 'Which snapshot; recent by default.', { enum: ['recent', 'full'] }),
  snapshotCodec: query('codec', 'The codec of the body; the first that the server offers by default.', TEXT),
} as const satisfies Readonly<Record<string, Parameter>>;
