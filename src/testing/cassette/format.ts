import type { HttpFetchInit } from '../../contracts/index.js';

/** What is asked, as far as the answer depends on it. */
export interface Question {
  readonly method: string;
  /** Path and query below the origin. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** A request, and what came of it. */
export interface Exchange extends Question {
  readonly status: number;
  readonly answer: Readonly<Record<string, string>>;
  readonly body: Uint8Array[];
  /** Whether the body came to its end, stayed open when nobody read on, or broke off. */
  end: 'end' | 'open' | 'broken';
}

/** Of requests: those that answers depend on. None of them is a credential. */
const ASKED_HEADERS = [
  'accept',
  'accept-encoding',
  'if-none-match',
  'if-range',
  'last-event-id',
  'range',
] as const;

/** Of answers: those of the protocol. Cookies and challenges are none of them. */
export const KEPT_HEADERS = [
  'accept-ranges',
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-length',
  'content-range',
  'content-type',
  'etag',
  'location',
  'retry-after',
  'vary',
  'x-accel-buffering',
  'x-chain-head',
  'x-snapshot-hash',
  'x-snapshot-height',
  'x-snapshot-signature',
  'x-snapshot-signer',
  'x-stream-lease-ms',
] as const;

const VERSION = 1;

/** What a request is found again by. The name of a stream is a secret, and another one each time. */
export function keyOf(url: URL, { method, headers }: HttpFetchInit): Question {
  const target = `${url.pathname}${url.search}`.replace(/([?&]client=)[\w-]{22,64}(?=&|$)/, '$1*');
  const asked = ASKED_HEADERS.flatMap((name) => {
    const value = headers[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return { method, target, headers: Object.fromEntries(asked) };
}

/** The text of a file. */
export function writeCassette(exchanges: readonly Exchange[]): string {
  const lines = exchanges.map(({ method, target, headers, status, answer, body, end }) => ({
    method,
    target,
    headers,
    status,
    answer,
    body: body.map((piece) => Buffer.from(piece).toString('base64')),
    end,
  }));
  return [{ cassette: VERSION }, ...lines].map((line) => `${JSON.stringify(line)}\n`).join('');
}

/** @throws TypeError for what is no cassette */
export function readCassette(text: string): readonly Exchange[] {
  const [first, ...lines] = text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as unknown);
  if ((first as { readonly cassette?: unknown } | undefined)?.cassette !== VERSION)
    throw new TypeError(`This is no cassette of version ${VERSION}.`);
  return lines.map((line) => {
    const members = line as Omit<Exchange, 'body'> & { readonly body: readonly string[] };
    return { ...members, body: members.body.map((piece) => Buffer.from(piece, 'base64')) };
  });
}
