import { SCHEMAS, type Schema } from './schemas.js';

const ref = (name: keyof typeof SCHEMAS): Schema => ({ $ref: `#/components/schemas/${name}` });

/** An event of the stream, whose data is JSON unless it says otherwise. */
const message = (
  name: string,
  summary: string,
  payload: Schema,
  contentType = 'application/json',
): object => ({
  name,
  title: name,
  summary,
  contentType,
  payload,
});

const MESSAGES = {
  block: message(
    'block',
    'A block; the id of the event is its height. With codec=identity the data is the document, else base64 of it in the codec.',
    { type: 'string', minLength: 2 },
    'text/plain',
  ),
  rollback: message(
    'rollback',
    'Everything above the block is void; the id is its height. Only of a stream that is followed.',
    ref('Rollback'),
  ),
  complete: message(
    'complete',
    'The head is reached. A stream that is not followed ends here.',
    ref('Complete'),
  ),
  error: message('error', 'What went wrong; the stream ends here.', ref('StreamError')),
} as const;

/** The events of `GET /stream` as AsyncAPI 3. */
export const ASYNCAPI = {
  asyncapi: '3.0.0',
  info: {
    title: 'Sync protocol, stream',
    version: '1',
    description:
      'Server-sent events of GET /stream (openapi.json has its parameters). Blocks come in order of their heights, without a gap. Comment lines are heartbeats.',
    license: { name: 'MIT' },
  },
  defaultContentType: 'application/json',
  channels: {
    stream: {
      address: 'stream',
      title: 'Blocks, as server-sent events',
      messages: Object.fromEntries(
        Object.keys(MESSAGES).map((name) => [name, { $ref: `#/components/messages/${name}` }]),
      ),
    },
  },
  operations: {
    sendEvents: {
      action: 'send',
      channel: { $ref: '#/channels/stream' },
      summary: 'The server sends events.',
    },
  },
  components: { messages: MESSAGES, schemas: SCHEMAS },
} as const;
