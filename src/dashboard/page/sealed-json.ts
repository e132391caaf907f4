/** What a document of the chain `sealed-json` states and has. */
export interface SealedDocument {
  readonly hash: string;
  readonly height: number;
  readonly previousHash: string;
  /** The hash that its bytes have. */
  readonly computed: string;
}

/** The members that a document starts with (protocol section 1.4). */
const START = /^\{"hash":"([0-9a-f]{64})","height":(0|[1-9]\d{0,15}),"previousHash":"([0-9a-f]{64})"[,}]/;
/** The longest start. */
const START_BYTES = 200;
/** The hash covers the document without its first member: its first brace, and what is behind this place. */
const HASHED_FROM = 75;
const BRACE = 0x7b;

/** Hashes as WebCrypto does. */
export type Digest = (algorithm: 'SHA-256', data: Uint8Array<ArrayBuffer>) => Promise<ArrayBuffer>;

/** Reads a document's start and recomputes its hash; `null` when it doesn't start as such a document does. */
export async function readSealed(
  document: Uint8Array<ArrayBuffer>,
  digest: Digest,
): Promise<SealedDocument | null> {
  const match = START.exec(new TextDecoder('latin1').decode(document.subarray(0, START_BYTES)));
  if (match === null) return null;
  const [, hash = '', height = '', previousHash = ''] = match;
  const hashed = document.slice(HASHED_FROM - 1);
  hashed[0] = BRACE;
  const sum = new Uint8Array(await digest('SHA-256', hashed));
  const computed = Array.from(sum, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return { hash, height: Number(height), previousHash, computed };
}
