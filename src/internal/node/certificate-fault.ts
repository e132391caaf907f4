/**
 * Node's names for a certificate that does not prove that the server is the one asked for (`node:tls`, "X509 certificate
 * error codes", and `ERR_TLS_CERT_ALTNAME_INVALID`).
 */
const CERTIFICATE_FAULTS: ReadonlySet<string> = new Set([
  'CERT_CHAIN_TOO_LONG',
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CERT_REJECTED',
  'CERT_REVOKED',
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'ERROR_IN_CERT_NOT_AFTER_FIELD',
  'ERROR_IN_CERT_NOT_BEFORE_FIELD',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'HOSTNAME_MISMATCH',
  'INVALID_CA',
  'INVALID_PURPOSE',
  'PATH_LENGTH_EXCEEDED',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY',
  'UNABLE_TO_DECRYPT_CERT_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

/** A `fetch` wraps what happened; deeper than this nobody does. */
const MAX_CAUSES = 4;

/** The error by which a request failed at the server's certificate; `null` when it failed otherwise. */
export function certificateFault(error: unknown): (Error & { readonly code: string }) | null {
  let inner = error;
  for (let depth = 0; depth < MAX_CAUSES && inner instanceof Error; depth++) {
    if (isFault(inner)) return inner;
    inner = inner.cause;
  }
  return null;
}

function isFault(error: Error): error is Error & { readonly code: string } {
  return 'code' in error && typeof error.code === 'string' && CERTIFICATE_FAULTS.has(error.code);
}

/** Faults of a certificate that may be right, and is signed by somebody who is not known here. */
const UNKNOWN_AUTHORITY: ReadonlySet<string> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

/** Whether the certificate would do if its authority were known. */
export function isAuthorityMissing({ code }: { readonly code: string }): boolean {
  return UNKNOWN_AUTHORITY.has(code);
}
