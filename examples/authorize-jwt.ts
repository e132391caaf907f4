import { createRemoteJWKSet, errors, type JWTPayload, jwtVerify, type RemoteJWKSetOptions } from 'jose';
import { SyncError } from 'blockferry';
import type { AuthorizeRequest, Principal } from 'blockferry/express';

/** Who issues the tokens, and for whom: all three are in the provider's configuration. */
export interface Issuer {
  /** As it is in the claim `iss`. */
  readonly issuer: string;
  /** What this server is called in the claim `aud`. */
  readonly audience: string;
  /** Where the provider has its keys. */
  readonly jwksUri: string;
  /** How long keys are kept, and how often they are asked for. */
  readonly keys?: RemoteJWKSetOptions;
}

/** Signatures that can be checked with a public key alone: no `none`, and no secret that both sides know. */
const ALGORITHMS = ['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA'];

/** What is wrong with a token, and not with the provider. */
const TOKEN_IS_BAD = [
  errors.JWTExpired,
  errors.JWTClaimValidationFailed,
  errors.JWTInvalid,
  errors.JWSInvalid,
  errors.JWSSignatureVerificationFailed,
  errors.JOSEAlgNotAllowed,
  errors.JOSENotSupported,
  errors.JWKSNoMatchingKey,
  errors.JWKSMultipleMatchingKeys,
];

/**
 * By a JSON Web Token of an OpenID provider. What it throws when the provider's keys can't be had is answered 500, so
 * that the client comes again, and does not take its token for a bad one.
 */
export function byJwt({
  issuer,
  audience,
  jwksUri,
  keys,
}: Issuer): (request: Pick<AuthorizeRequest, 'header'>) => Promise<Principal | null> {
  const jwks = createRemoteJWKSet(new URL(jwksUri), keys);
  const requiredClaims = ['sub', 'exp'];
  const options = { issuer, audience, algorithms: ALGORITHMS, requiredClaims, clockTolerance: 5 };
  return async ({ header }) => {
    const token = /^Bearer (\S+)$/i.exec(header('authorization') ?? '')?.[1] ?? '';
    try {
      const { payload } = await jwtVerify(token, jwks, options);
      return readerOf(payload);
    } catch (error) {
      if (TOKEN_IS_BAD.some((kind) => error instanceof kind)) return null;
      throw error;
    }
  };
}

/** The subject, where the token was given for reading. */
function readerOf({ sub, scope }: JWTPayload): Principal | null {
  if (typeof sub !== 'string' || sub === '' || sub.length > 256) return null;
  const mayRead = typeof scope === 'string' && scope.split(' ').includes('sync:read');
  if (!mayRead) throw new SyncError('FORBIDDEN', 'The token has no scope sync:read.');
  return { id: sub, maxStreams: 5 };
}
