/** A JSON Schema of draft 2020-12, as data. */
export type Schema = Readonly<Record<string, unknown>>;

const HEIGHT: Schema = { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER };
const COUNT: Schema = { type: 'integer', minimum: 1, maximum: Number.MAX_SAFE_INTEGER };
const TEXT: Schema = { type: 'string', minLength: 1 };
const SHA256: Schema = { type: 'string', pattern: '^[0-9a-f]{64}$' };
const REF: Schema = { $ref: '#/$defs/BlockRef' };

const list = (items: Schema): Schema => ({ type: 'array', items });
const orNull = (schema: Schema): Schema => ({ anyOf: [schema, { type: 'null' }] });

/** An object that may have further members: the protocol grows by additions. */
const object = (
  description: string,
  properties: Readonly<Record<string, Schema>>,
  required: readonly string[],
): Schema => ({
  type: 'object',
  description,
  properties,
  required,
});

const CODECS = list({ type: 'string', pattern: '^[a-z0-9-]{1,16}$' });

const ENTRY_MEMBERS = {
  from: HEIGHT,
  to: HEIGHT,
  hash: TEXT,
  documentBytes: COUNT,
  bytes: COUNT,
  zstd: COUNT,
  digest: SHA256,
} as const;

const MANIFEST_MEMBERS = {
  version: { const: 1 },
  id: TEXT,
  chainId: TEXT,
  chain: TEXT,
  type: { enum: ['recent', 'full'] },
  height: HEIGHT,
  base: HEIGHT,
  blockHash: TEXT,
  timestamp: HEIGHT,
  codec: TEXT,
  hash: SHA256,
  size: COUNT,
  rawSize: COUNT,
  parts: list(
    object(
      'A piece of the body that can be decoded by itself.',
      { offset: HEIGHT, length: COUNT, rawLength: COUNT, sha256: SHA256 },
      ['offset', 'length', 'rawLength', 'sha256'],
    ),
  ),
  root: SHA256,
  signatures: list(
    object(
      "One organisation's word for the manifest.",
      {
        signer: { type: 'string', pattern: '^0[23][0-9a-f]{64}$' },
        signature: { type: 'string', pattern: '^[0-9a-f]{128}$' },
      },
      ['signer', 'signature'],
    ),
  ),
} as const;

/** What the JSON documents of the protocol look like. Members that are additions to version 1 are not required. */
export const SCHEMAS = {
  BlockRef: object('A block by its place.', { height: HEIGHT, hash: TEXT }, ['height', 'hash']),
  Block: {
    type: 'object',
    description:
      'A block. Its form is that of the chain rules; what is hashed is its bytes, so keep them as they came.',
  },
  Status: object(
    'Where the chain stands, and what the server offers (protocol section 2.1). Absence is null.',
    {
      protocol: { const: 1 },
      chain: TEXT,
      proves: orNull(list(TEXT)),
      authorship: orNull(TEXT),
      chainId: orNull(TEXT),
      base: HEIGHT,
      head: orNull(REF),
      confirmed: orNull(REF),
      finalized: orNull(REF),
      codecs: object('Codecs by use.', { stream: CODECS, json: CODECS, snapshot: CODECS, frames: CODECS }, [
        'stream',
        'json',
        'snapshot',
      ]),
      storedAs: orNull(TEXT),
      tiles: orNull(
        object(
          'The history in tiles; `to` is `from` - 1 where there is a tail alone.',
          {
            from: HEIGHT,
            to: { type: 'integer', minimum: -1 },
            tail: orNull({ $ref: '#/$defs/TileEntry' }),
          },
          ['from', 'to', 'tail'],
        ),
      ),
      limits: object(
        'Bounds of the server; there may be further ones.',
        { maxRange: COUNT, maxBlockBytes: COUNT, heartbeatMs: COUNT, streamLeaseMs: COUNT, maxWaitMs: COUNT },
        [],
      ),
      snapshots: list(
        object(
          'A snapshot that is ready.',
          { type: { enum: ['recent', 'full'] }, id: TEXT, height: HEIGHT, hash: TEXT },
          ['type', 'id', 'height', 'hash'],
        ),
      ),
      signers: list(TEXT),
    },
    ['protocol', 'chain', 'chainId', 'base', 'head', 'finalized', 'codecs', 'limits', 'snapshots', 'signers'],
  ),
  TileEntry: object('A line of the index of a page of tiles (protocol section 2.6).', ENTRY_MEMBERS, [
    'from',
    'to',
    'hash',
    'documentBytes',
    'bytes',
  ]),
  Manifest: object(
    'What a snapshot consists of (protocol section 2.5).',
    MANIFEST_MEMBERS,
    Object.keys(MANIFEST_MEMBERS),
  ),
  Problem: object(
    'Why a request was refused (RFC 9457); `code` is one of the words of docs/errors.md.',
    {
      type: { type: 'string' },
      title: { type: 'string' },
      status: { type: 'integer', minimum: 400, maximum: 599 },
      detail: { type: 'string' },
      code: { type: 'string', pattern: '^[A-Z][A-Z0-9_]*$' },
      ancestors: { type: 'array', items: REF, maxItems: 64 },
      base: HEIGHT,
      reason: TEXT,
    },
    ['status', 'code'],
  ),
  Health: object('The process answers.', { status: { const: 'ok' } }, ['status']),
  Ready: object('Requests should be sent to the node.', { status: { const: 'ready' } }, ['status']),
  Rollback: object('Everything above the block is void.', { height: HEIGHT, hash: TEXT }, ['height', 'hash']),
  Complete: object(
    'The head when it was written; both are null on an empty chain.',
    { height: orNull(HEIGHT), hash: orNull(TEXT) },
    ['height', 'hash'],
  ),
  StreamError: object(
    'What went wrong after the stream had begun; nothing follows.',
    { error: { type: 'string' }, code: { type: 'string', pattern: '^[A-Z][A-Z0-9_]*$' } },
    ['error', 'code'],
  ),
} as const satisfies Readonly<Record<string, Schema>>;

/** The name of a schema. */
export type SchemaName = keyof typeof SCHEMAS;
