import { SyncError } from '../../errors/index.js';
import { raceAbort } from '../../internal/abort.js';
import { LinkedAbort } from '../../internal/linked-abort.js';
import { integer, object, text, withDefault } from '../../internal/options/index.js';
import type { SyncRequest } from '../sync-request.js';
import type { Authorize, Principal } from './types.js';

/** A host that has not said who asks in this time is answered for, in milliseconds. */
const AUTHORIZE_MS = 10_000;
const RETRY_AFTER_MS = 5_000;
const MAX_ID_LENGTH = 256;

const count = integer({ min: 1 });
const PRINCIPAL = object({
  id: text(),
  maxStreams: withDefault<number | undefined>(count, undefined),
  maxAnswers: withDefault<number | undefined>(count, undefined),
});

/** Finds out who asks, before anything else is done. Where that fails, nothing is given. */
export class Access {
  readonly #authorize: Authorize;
  readonly #timeoutMs: number;

  constructor(authorize: Authorize, timeoutMs = AUTHORIZE_MS) {
    this.#authorize = authorize;
    this.#timeoutMs = timeoutMs;
  }

  /**
   * @throws SyncError `UNAUTHORIZED`, `SERVER_BUSY` when it takes too long, `ABORTED` when the client has gone, and what
   *   the host throws, as `FORBIDDEN`
   * @throws TypeError for what is no principal
   */
  async principal(request: SyncRequest, client: AbortSignal): Promise<Principal> {
    const abort = new LinkedAbort(client);
    const timer = setTimeout(() => {
      const message = `Who asks was not found out within ${this.#timeoutMs} ms.`;
      abort.abort(new SyncError('SERVER_BUSY', message, { retryAfterMs: RETRY_AFTER_MS }));
    }, this.#timeoutMs);
    try {
      const found = await raceAbort(this.#ask(request, abort.signal), abort.signal);
      if (found === null) throw new SyncError('UNAUTHORIZED', 'Nobody who may read was named.');
      return read(found);
    } finally {
      clearTimeout(timer);
      abort.release();
    }
  }

  /** A throw becomes a rejection. */
  async #ask(request: SyncRequest, signal: AbortSignal): Promise<Principal | null> {
    const { method, path, clientKey: client, req = null } = request;
    const header = (name: string): string | null => request.header(name);
    return this.#authorize({ method, path, client, req, signal, header });
  }
}

function read(found: Principal): Principal {
  const where = { owner: 'authorize', path: 'the principal' };
  const { id, maxStreams, maxAnswers } = PRINCIPAL.read(found, where);
  if (id.length > MAX_ID_LENGTH)
    throw new TypeError(`authorize: the \`id\` has more than ${MAX_ID_LENGTH} characters.`);
  return {
    id,
    ...(maxStreams === undefined ? {} : { maxStreams }),
    ...(maxAnswers === undefined ? {} : { maxAnswers }),
  };
}
