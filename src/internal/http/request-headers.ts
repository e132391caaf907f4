import type { HeaderValue, Peer } from '../../contracts/index.js';
import { isSyncError, SyncError } from '../../errors/index.js';
import { raceAbort } from '../abort.js';
import { LinkedAbort } from '../linked-abort.js';
import { watch } from './watch.js';

/** Names and values of headers (RFC 9110 sections 5.1 and 5.5). */
const FIELD_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Servers take no more than this of all headers together, most of them less. */
const MAX_VALUE_LENGTH = 64 * 1024;

type Values = Readonly<Record<string, string>>;

/** Whether a peer has headers that may have another value the next time. */
export function hasLiveHeaders({ headers }: Peer): boolean {
  return Object.values(headers).some((value) => typeof value === 'function');
}

/**
 * The headers of one request, with the values that the host's functions give now. No error has a value in it.
 *
 * @param more - headers of the transport; they win over the peer's.
 * @param timeoutMs - for all functions together, which are called at the same time.
 * @throws SyncError `CREDENTIALS_UNAVAILABLE`, `ABORTED`
 * @throws TypeError for what can't be sent
 */
export async function requestHeaders(
  peer: Peer,
  more: Values,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<Record<string, string>> {
  if (!hasLiveHeaders(peer)) return merged(peer.headers as Values, more);
  const abort = new LinkedAbort(signal);
  const stopWatch = watch(timeoutMs, () => {
    abort.abort(unavailable(peer, `A function in \`headers\` gave nothing within ${timeoutMs} ms`));
  });
  try {
    const entries = Object.entries(peer.headers).map(
      async ([name, value]) => [name, await valueOf(peer, name, value)] as const,
    );
    return merged(Object.fromEntries(await raceAbort(Promise.all(entries), abort.signal)), more);
  } finally {
    stopWatch();
    abort.release();
  }
}

async function valueOf(peer: Peer, name: string, value: HeaderValue): Promise<string> {
  if (typeof value === 'string') return value;
  let given: unknown;
  try {
    given = await value();
  } catch (cause) {
    if (isSyncError(cause)) throw cause.at({ peer: peer.url });
    throw unavailable(peer, `The function for the header ${name} threw; the cause tells`, cause);
  }
  const text = typeof given === 'string' ? given.trim() : null;
  if (text !== null && text.length <= MAX_VALUE_LENGTH && FIELD_VALUE.test(text)) return text;
  throw unavailable(peer, `The function for the header ${name} gave ${faultOf(given)}`);
}

function faultOf(given: unknown): string {
  if (typeof given !== 'string') return given === null ? 'null' : `something of the type ${typeof given}`;
  return given.length > MAX_VALUE_LENGTH
    ? `more than ${MAX_VALUE_LENGTH} characters`
    : "characters that an HTTP header can't carry";
}

function unavailable({ url }: Peer, what: string, cause?: unknown): SyncError {
  const more = cause === undefined ? {} : { cause };
  return new SyncError('CREDENTIALS_UNAVAILABLE', `${what}; ${url} was not asked.`, { peer: url, ...more });
}

/** Names in lower case; the later ones win. @throws TypeError for what can't be sent */
function merged(...all: readonly Values[]): Record<string, string> {
  const pairs = all.flatMap((headers) => Object.entries(headers));
  for (const [name, value] of pairs) {
    if (!FIELD_NAME.test(name)) throw new TypeError(`No header may be called ${JSON.stringify(name)}.`);
    if (!FIELD_VALUE.test(value)) throw new TypeError(`The header ${name} has a value that can't be sent.`);
  }
  return Object.fromEntries(pairs.map(([name, value]) => [name.toLowerCase(), value]));
}
