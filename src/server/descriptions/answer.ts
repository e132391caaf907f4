import { createHash } from 'node:crypto';
import type { CachePolicy, EndpointResponse } from '../../contracts/index.js';
import { cacheControl } from '../../internal/http/cache-control.js';
import { isUnchanged } from '../../internal/http/byte-range.js';
import type { SyncRequest } from '../sync-request.js';

/** A description as it is sent, by every server of the process. */
interface Text {
  readonly body: Uint8Array;
  /** Strong: the same bytes have the same tag, whoever serves them. */
  readonly etag: string;
}

const DOCUMENTS = new Map<string, () => Promise<Text>>([
  ['/openapi.json', once(async () => (await import('./openapi.js')).OPENAPI)],
  ['/asyncapi.json', once(async () => (await import('./asyncapi.js')).ASYNCAPI)],
]);

/** Paths of what describes the server to programs (protocol section 2.8). */
export const DESCRIPTION_PATHS: readonly string[] = [...DOCUMENTS.keys()];

/** Answers `GET /openapi.json` and `GET /asyncapi.json`; `null` for any other path. They are loaded when they are asked for. */
export function describe(request: SyncRequest, cache: CachePolicy): Promise<EndpointResponse> | null {
  const load = DOCUMENTS.get(request.path);
  return load === undefined ? null : load().then((text) => respond(request, text, cache));
}

/** Another version of the package has another one at the same path: whoever keeps it has to ask. */
function respond(request: SyncRequest, { body, etag }: Text, cache: CachePolicy): EndpointResponse {
  const validators = { etag, 'cache-control': cacheControl(cache, { maxAgeSeconds: null }) };
  if (isUnchanged(request, etag)) return { status: 304, headers: validators, body: null };
  const headers = {
    'content-type': 'application/json',
    'content-length': String(body.length),
    ...validators,
  };
  return { status: 200, headers, body };
}

function once(load: () => Promise<object>): () => Promise<Text> {
  let text: Promise<Text> | null = null;
  return () => (text ??= load().then(textOf));
}

function textOf(document: object): Text {
  // The schemas refer to each other, wherever they are put.
  const body = Buffer.from(JSON.stringify(document).replaceAll('"#/$defs/', '"#/components/schemas/'));
  const digest = createHash('sha256').update(body).digest('base64url');
  return { body, etag: `"${digest.slice(0, 32)}"` };
}
