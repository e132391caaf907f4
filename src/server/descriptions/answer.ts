import type { CachePolicy, EndpointResponse } from '../../contracts/index.js';
import { cacheControl } from '../../internal/http/cache-control.js';

const DOCUMENTS = new Map<string, () => Promise<object>>([
  ['/openapi.json', async () => (await import('./openapi.js')).OPENAPI],
  ['/asyncapi.json', async () => (await import('./asyncapi.js')).ASYNCAPI],
]);

/** Paths of what describes the server to programs (protocol section 2.8). */
export const DESCRIPTION_PATHS: readonly string[] = [...DOCUMENTS.keys()];

/** Answers `GET /openapi.json` and `GET /asyncapi.json`; `null` for any other path. They are loaded when they are asked for. */
export function describe(path: string, cache: CachePolicy): Promise<EndpointResponse> | null {
  const load = DOCUMENTS.get(path);
  return load === undefined ? null : load().then((document) => respond(document, cache));
}

function respond(document: object, cache: CachePolicy): EndpointResponse {
  // The schemas refer to each other, wherever they are put.
  const body = Buffer.from(JSON.stringify(document).replaceAll('"#/$defs/', '"#/components/schemas/'));
  const headers = {
    'content-type': 'application/json',
    'content-length': String(body.length),
    'cache-control': cacheControl(cache, { maxAgeSeconds: null }),
  };
  return { status: 200, headers, body };
}
