import type { ServerLimits } from '../../contracts/index.js';
import { SyncError } from '../../errors/index.js';
import { raceAbort } from '../../internal/abort.js';
import { within } from '../../internal/deadline.js';
import { integer, object, text, withDefault } from '../../internal/options/index.js';
import { ClientSlots } from '../client-slots.js';
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
  /** Strangers make the host work: at a database, or at an issuer of tokens. */
  readonly #asking: ClientSlots;
  readonly #timeoutMs: number;

  /** @param limits - as many may be asked about at once as may have answers, in all and of one client. */
  constructor(
    authorize: Authorize,
    { maxStreams, maxAnswersPerClient }: Pick<ServerLimits, 'maxStreams' | 'maxAnswersPerClient'>,
    timeoutMs = AUTHORIZE_MS,
  ) {
    this.#authorize = authorize;
    const bounds = { max: maxStreams, maxPerClient: maxAnswersPerClient };
    this.#asking = new ClientSlots({ what: 'unidentified requests', ...bounds });
    this.#timeoutMs = timeoutMs;
  }

  /**
   * @throws SyncError `UNAUTHORIZED`, `SERVER_BUSY` when it takes too long or too many wait, `TOO_MANY_STREAMS` when too
   *   many of this client do, `ABORTED` when the client has gone, and what the host throws, as `FORBIDDEN`
   * @throws TypeError for what is no principal
   */
  async principal(request: SyncRequest, client: AbortSignal): Promise<Principal> {
    const done = this.#asking.take(request.clientKey);
    try {
      return await this.#within(request, client);
    } finally {
      done();
    }
  }

  async #within(request: SyncRequest, client: AbortSignal): Promise<Principal> {
    const ms = this.#timeoutMs;
    const asked = (signal: AbortSignal): Promise<Principal | null> =>
      raceAbort(this.#ask(request, signal), signal);
    const found = await within(ms, client, asked, () => {
      const message = `Who asks was not found out within ${ms} ms.`;
      return new SyncError('SERVER_BUSY', message, { retryAfterMs: RETRY_AFTER_MS });
    });
    if (found === null) throw new SyncError('UNAUTHORIZED', 'Nobody who may read was named.');
    return read(found);
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
