/** How long a request may take, in milliseconds. */
export interface Deadlines {
  /** From its start until there is a connection, TLS included. */
  readonly connectTimeoutMs: number;
  /** From then until the head of the response has come. */
  readonly firstByteTimeoutMs: number;
}

/** What TLS connections are made with, beside what Node knows. */
export interface TlsSettings {
  readonly ca?: string | Uint8Array | readonly (string | Uint8Array)[];
  readonly cert?: string | Uint8Array;
  readonly key?: string | Uint8Array;
  readonly servername?: string;
}

/** The proxies that requests go through. */
export interface ProxySettings {
  /** For `http:` addresses; `null` for none. */
  readonly http: string | null;
  /** For `https:` addresses, as a tunnel; `null` for none. */
  readonly https: string | null;
  /** Hosts that are asked without one, as in `NO_PROXY`; empty for none. */
  readonly noProxy: string;
  /** Whether requests to this machine go through them too. */
  readonly loopback: boolean;
  /** Who said so, for messages: the name of an option or of a variable of the environment. */
  readonly saidBy: string;
}

/** How connections are made. */
export interface ConnectionSettings {
  readonly tls: TlsSettings;
  /** `null` for none. */
  readonly proxy: ProxySettings | null;
}

/** Connections without a proxy, to servers whose authorities Node knows. */
export const PLAIN: ConnectionSettings = Object.freeze({ tls: Object.freeze({}), proxy: null });
