import type { RequestListener } from 'node:http';

/** A listener behind a bearer token that changes, with what it was asked for. */
export interface Guarded {
  readonly listener: RequestListener;
  /** The token that is good now. */
  token: string;
  /** Paths that were answered, and those that were refused. */
  readonly passed: string[];
  readonly refused: string[];
}

/** Lets requests with the token through, and answers others 401. */
export function guarded(inner: RequestListener, token = 'first'): Guarded {
  const guard: Guarded = {
    token,
    passed: [],
    refused: [],
    listener: (request, response) => {
      const path = new URL(request.url ?? '/', 'http://localhost').pathname;
      if (request.headers.authorization === `Bearer ${guard.token}`) {
        guard.passed.push(path);
        inner(request, response);
        return;
      }
      guard.refused.push(path);
      response.writeHead(401, { 'www-authenticate': 'Bearer' }).end();
    },
  };
  return guard;
}
