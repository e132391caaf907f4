/** What goes wrong between a peer and whoever asks it. */
export type PeerFault =
  /** The connection breaks after so many bytes of the body, as they are sent. */
  | { readonly kind: 'truncate'; readonly bytes: number }
  /** After so many bytes of the body nothing more comes, and the connection stays open. */
  | { readonly kind: 'stall'; readonly bytes: number }
  /** One bit of that byte of the body is another one. */
  | { readonly kind: 'corrupt'; readonly byte: number }
  /** The answer is another one. Of what does not end by itself, as a stream that is followed, nothing comes. */
  | {
      readonly kind: 'lie';
      /** Says what is another: of an answer as the peer gave it, the members that are not as they were. */
      readonly change: (answer: PeerAnswer) => Partial<PeerAnswer>;
    }
  /** Another server answers, at this origin, which may have another branch. */
  | { readonly kind: 'fork'; readonly origin: string }
  /** Something on the way holds back what is sent. */
  | { readonly kind: 'buffer'; readonly hold: Holding }
  /** Something on the way compresses what is sent, and holds back what its compressor does. */
  | { readonly kind: 'compress' };

/** What is held back, and until when. */
export type Holding =
  /** Head and body, until the answer has ended. */
  | 'all'
  /** The body, until the answer has ended. */
  | 'body'
  /** The body, until there are more bytes than so many. */
  | { readonly bytes: number }
  /** The body, which goes on every so often, in milliseconds. */
  | { readonly ms: number };

/** An answer that a `lie` changes. */
export interface PeerAnswer {
  readonly status: number;
  /** Lower-case names. What is left out stays as it is; `null` takes a header away. */
  readonly headers: Readonly<Record<string, string | null>>;
  /** As it is sent: with its content encoding, if it has one. */
  readonly body: Uint8Array;
}

/** Which requests a fault is for. */
export interface FaultOptions {
  /**
   * Path and query, as `/sync/json?from=0`.
   *
   * @defaultValue any
   */
  readonly on?: RegExp;
  /**
   * How many requests; the fault is over then.
   *
   * @defaultValue `Infinity`
   */
  readonly times?: number;
}
