import { X509Certificate } from 'node:crypto';

const PEM = /^-----BEGIN CERTIFICATE-----\r?\n[A-Za-z0-9+/=\r\n]+-----END CERTIFICATE-----\s*$/;

/** Reads one certificate in PEM; `null` for anything else. */
export function readCertificate(pem: string): X509Certificate | null {
  if (!PEM.test(pem)) return null;
  try {
    return new X509Certificate(pem);
  } catch {
    return null;
  }
}
