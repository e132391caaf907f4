import { latin1Text } from '#platform/bytes';

/** What a signature is for, and the version of the form (protocol section 1.7). */
const PURPOSE = 'blockferry-block-v1:';

/** The names that stand at the end of a signed document, and nowhere else at its top level. */
export const SIGNED_NAMES = ['producer', 'signature'] as const;

/** Forms of what a signer gives. */
export const SIGNATURE_FORM = /^[0-9a-f]{128}$/;

const END = /,"producer":"((?:0[23])?[0-9a-f]{64})"(,"signature":"([0-9a-f]{128})"\})$/;
const MAX_END_CHARS = ',"producer":"'.length + 66 + '","signature":"'.length + 128 + '"}'.length;

/** How a signed document ends. */
export interface SignedEnd {
  readonly producer: string;
  readonly signature: string;
  /** Where the signed bytes end: at the comma before the signature. */
  readonly signedTo: number;
}

/**
 * Reads the end of a document in the one form of a signed block; `null` for any other. In a document that is well formed
 * the end can't be a part of a string: its quotes follow on one another, and the last brace is the document's.
 */
export function readEnd(document: Uint8Array): SignedEnd | null {
  const from = Math.max(0, document.length - MAX_END_CHARS);
  const found = END.exec(latin1Text(document, from));
  const [, producer, tail, signature] = found ?? [];
  if (producer === undefined || tail === undefined || signature === undefined) return null;
  return { producer, signature, signedTo: document.length - tail.length };
}

/** The member that names a producer, behind others. */
export function producerMember(publicKey: string): string {
  return `,"producer":"${publicKey}"`;
}

/** The end of a document. */
export function signatureMember(signature: string): string {
  return `,"signature":"${signature}"}`;
}

/**
 * The bytes whose SHA-256 is signed, in pieces: the purpose, and what the block's hash covers up to the signature.
 *
 * @param covered - without the brace that it begins with.
 */
export function signedPieces(covered: Uint8Array): readonly [string, Uint8Array] {
  return [`${PURPOSE}{`, covered];
}
