import { createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { derInteger, derOctets, derSequence } from '../../src/internal/proof/index.js';

/** A certificate in PEM, with the key of its subject. */
export interface Issued {
  readonly pem: string;
  readonly name: Name;
  readonly secret: KeyObject;
}

/** What a certificate is for. */
export interface CertificateRequest {
  readonly name: Name;
  /** `null` for one that is signed by itself. */
  readonly issuer: Issued | null;
  readonly isAuthority?: boolean;
  readonly serial?: bigint;
  readonly from?: string;
  readonly to?: string;
}

/** Common name and unit. */
export type Name = readonly [common: string, unit: string];

const OID = {
  ecdsaWithSha256: '06082a8648ce3d040302',
  commonName: '0603550403',
  unit: '060355040b',
  basicConstraints: '0603551d13',
} as const;
const oid = (name: keyof typeof OID): Buffer => Buffer.from(OID[name], 'hex');

/** Makes a certificate (RFC 5280) with a new key of P-256. */
export function certificate({
  name,
  issuer,
  isAuthority = false,
  serial = 7n,
  from = '200101000000Z',
  to = '210101000000Z',
}: CertificateRequest): Issued {
  const { privateKey: secret } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const algorithm = derSequence(oid('ecdsaWithSha256'));
  const constraints = derSequence(
    oid('basicConstraints'),
    tagged(0x01, Uint8Array.of(0xff)),
    derOctets(isAuthority ? derSequence(tagged(0x01, Uint8Array.of(0xff))) : derSequence()),
  );
  const body = derSequence(
    tagged(0xa0, derInteger(2n)),
    derInteger(serial),
    algorithm,
    nameOf(issuer?.name ?? name),
    derSequence(tagged(0x17, Buffer.from(from)), tagged(0x17, Buffer.from(to))),
    nameOf(name),
    createPublicKey(secret).export({ format: 'der', type: 'spki' }),
    tagged(0xa3, derSequence(constraints)),
  );
  const signature = sign('sha256', body, issuer?.secret ?? secret);
  const whole = derSequence(body, algorithm, tagged(0x03, Buffer.concat([Uint8Array.of(0), signature])));
  const lines = Buffer.from(whole).toString('base64').replace(/.{64}/g, '$&\n').trimEnd();
  return { pem: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`, name, secret };
}

function nameOf([common, unit]: Name): Uint8Array {
  const part = (type: 'commonName' | 'unit', text: string): Uint8Array =>
    tagged(0x31, derSequence(oid(type), tagged(0x0c, Buffer.from(text))));
  return derSequence(part('unit', unit), part('commonName', common));
}

/** Lengths as an octet string has them. */
function tagged(tag: number, content: Uint8Array): Uint8Array {
  const bytes = Buffer.from(derOctets(content));
  bytes[0] = tag;
  return bytes;
}
