/** What transports ask of an HTTP client: the part of `fetch` that they use, so that any `fetch` will do. */
export type HttpFetch = (url: URL, init: HttpFetchInit) => Promise<HttpFetchResponse>;

/** One request. */
export interface HttpFetchInit {
  readonly method: 'GET' | 'HEAD';
  /** Names in lower case. */
  readonly headers: Record<string, string>;
  /** Redirects come back as they are. */
  readonly redirect: 'manual';
  /** Calls the request off, and its response's body. */
  readonly signal: AbortSignal;
  /** The server was asked to wait for so long before it answers, in milliseconds: that is no silence. Absent for not at all. */
  readonly waitMs?: number;
}

/** The head of a response, and its body to read. */
export interface HttpFetchResponse {
  readonly status: number;
  /** `opaqueredirect` from clients that show nothing else of a redirect. */
  readonly type?: string;
  /** `get` gives `null` for a header that isn't there. */
  readonly headers: Pick<Headers, 'get'>;
  /** Decoded as `content-encoding` says; `null` when there is none. A body that was cut off fails, it never just ends. */
  readonly body: ReadableStream<Uint8Array> | null;
}
