import { createHash, type KeyObject, verify, X509Certificate } from 'node:crypto';
import { readEcdsaNumbers } from '../../src/internal/proof/index.js';
import type { FabricOrderer } from './options.js';
import { readCertificate } from './pem.js';

/** Half the order of P-256: of the two signatures for one nonce only the one with the low `s` counts, as Fabric has it. */
const MAX_LOW_S = 0x7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a8n;
/** A root, and at most two authorities between it and an orderer. */
const MAX_AUTHORITIES = 3;
/** No certificate of an orderer is as long. */
const MAX_CERTIFICATE_BYTES = 65_536;
/** Signers that are kept ready; a channel has fewer orderers. */
const MAX_SIGNERS = 256;

/** The authorities of one organisation of orderers. */
interface Organisation {
  readonly roots: readonly X509Certificate[];
  readonly intermediates: readonly X509Certificate[];
  readonly revoked: ReadonlySet<string>;
  readonly needsUnit: boolean;
}

/** The key of a signer, or the reason why it is none. */
type Signer = KeyObject | string;

/** Knows whose certificates are those of orderers. */
export class OrdererCertificates {
  readonly #organisations: ReadonlyMap<string, Organisation> | null;
  readonly #signers = new Map<string, KeyObject>();

  /** @param orderers - whose authorities are pinned; empty when any certificate will do. */
  constructor(orderers: readonly FabricOrderer[]) {
    this.#organisations =
      orderers.length === 0 ? null : new Map(orderers.map((one) => [one.mspId, organisationOf(one)]));
  }

  /** The key of a signer, or the reason why it is none. What it depends on never changes: no clock is asked. */
  signer(mspId: string, certificate: Uint8Array): Signer {
    if (certificate.length > MAX_CERTIFICATE_BYTES) return 'has no certificate';
    const name = createHash('sha256').update(certificate).update(mspId).digest('base64');
    const known = this.#signers.get(name);
    if (known !== undefined) return known;
    const signer = this.#read(mspId, certificate);
    // Its block is refused: nobody asks again, and a stranger could have any number of them kept.
    if (typeof signer === 'string') return signer;
    if (this.#signers.size >= MAX_SIGNERS) this.#signers.clear();
    this.#signers.set(name, signer);
    return signer;
  }

  #read(mspId: string, bytes: Uint8Array): Signer {
    const certificate = readCertificate(Buffer.from(bytes).toString('latin1'));
    if (certificate === null) return 'has no certificate';
    const key = certificate.publicKey;
    if (key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') return 'has a key of another curve than P-256';
    if (this.#organisations === null) return key;
    const organisation = this.#organisations.get(mspId);
    if (organisation === undefined) return `is of ${JSON.stringify(mspId)}, which no pinned orderer is of`;
    return whyNot(certificate, organisation) ?? key;
  }
}

/** Whether a signature over some bytes, in DER, is that of a key. */
export function isSigned(bytes: Uint8Array, signature: Uint8Array, key: KeyObject): boolean {
  const numbers = readEcdsaNumbers(signature);
  return numbers !== null && numbers.s <= MAX_LOW_S && verify('sha256', bytes, key, signature);
}

function organisationOf({
  roots,
  intermediates = [],
  revoked = [],
  unit = 'any',
}: FabricOrderer): Organisation {
  const read = (pem: string): X509Certificate => new X509Certificate(pem);
  return {
    roots: roots.map(read),
    intermediates: intermediates.map(read),
    revoked: new Set(revoked.map(plainSerial)),
    needsUnit: unit === 'required',
  };
}

function whyNot(certificate: X509Certificate, organisation: Organisation): string | null {
  const { revoked, needsUnit } = organisation;
  if (certificate.ca) return 'is an authority';
  if (revoked.has(plainSerial(certificate.serialNumber))) return 'is revoked';
  if (needsUnit && !/^OU=orderer$/m.test(certificate.subject)) return 'is not of the unit "orderer"';
  // As Fabric does it: by the time of the certificate itself, so that a block stays what it was. A block has no time of its own.
  const atMs = Date.parse(certificate.validFrom) + 1000;
  return leadsToRoot(certificate, organisation, atMs) ? null : 'is not of the pinned authorities';
}

function leadsToRoot(
  certificate: X509Certificate,
  { roots, intermediates }: Organisation,
  atMs: number,
): boolean {
  let issued = certificate;
  for (let depth = 0; depth < MAX_AUTHORITIES; depth++) {
    if (roots.some((root) => hasIssued(root, issued, atMs))) return true;
    const next = intermediates.find((one) => hasIssued(one, issued, atMs));
    if (next === undefined) return false;
    issued = next;
  }
  return false;
}

function hasIssued(authority: X509Certificate, issued: X509Certificate, atMs: number): boolean {
  return (
    authority.ca &&
    Date.parse(authority.validFrom) <= atMs &&
    atMs <= Date.parse(authority.validTo) &&
    issued.checkIssued(authority) &&
    issued.verify(authority.publicKey)
  );
}

/** Some write zeros in front. */
function plainSerial(serial: string): string {
  return serial.toUpperCase().replace(/^0+/, '');
}
