/** Signs with one key. The key itself never leaves the signer. */
export interface Signer {
  /** Name of the scheme: `secp256k1`. */
  readonly scheme: string;
  /** As the scheme spells it on the wire: for `secp256k1` the 33 bytes of the compressed key in lower-case hex. */
  readonly publicKey: string;
  /**
   * Signs the SHA-256 of a message.
   *
   * @param message - printable ASCII that begins with the purpose it is signed for (protocol sections 2.4 and 2.5).
   * @returns the signature as the scheme spells it on the wire.
   */
  sign(message: string): Promise<string>;
}

/** Signs blocks with one key (protocol section 1.7). The key itself never leaves the signer. */
export interface BlockSigner {
  /** In lower-case hex: the compressed key of secp256k1 (66 digits), or the key of Ed25519 (64 digits). */
  readonly publicKey: string;
  /**
   * Signs the SHA-256 of some bytes; with the same bytes it should give the same signature, so that a block that is
   * sealed again is the same block.
   *
   * @returns 64 bytes in 128 lower-case hex digits: `r || s` with a low `s`, or the signature of Ed25519.
   */
  signBytes(message: Uint8Array): Promise<string>;
}

/** Checks signatures of one scheme. */
export interface SignatureScheme {
  /** `secp256k1`. */
  readonly id: string;
  /** Whether a text is the one spelling of a public key of this scheme. */
  isPublicKey(text: string): boolean;
  /** Whether a signature is one of this key over this message. False, never an error, for anything malformed. */
  verify(message: string, signature: string, publicKey: string): Promise<boolean>;
}

/** Whose word a snapshot is taken on (protocol section 3.5). */
export interface TrustOptions {
  /** Public keys that count. */
  readonly signers: readonly string[];
  /** How many different ones of them have to have signed. At least 1, default 1. */
  readonly threshold: number;
  /** SHA-256 of the one snapshot document that is taken without a signature, lower-case hex; `null` for none. */
  readonly hash: string | null;
  /** A signed snapshot made longer ago than this is refused, in milliseconds; `null` for any age. Default 14 days. */
  readonly maxAgeMs: number | null;
}
