import { hasPublicKeyForm } from '../../src/internal/secp256k1-form.js';

const SECRET_KEY_BYTES = 32;
const SIGNATURE = /^[0-9a-f]{128}$/;
const SECRET_KEY = /^[0-9a-f]{64}$/;
const ASCII = /^[\x00-\x7f]*$/;

/** The bytes of a message; `null` for one that is not ASCII. */
export function messageBytes(text: unknown): Uint8Array | null {
  return typeof text === 'string' && ASCII.test(text) ? new Uint8Array(Buffer.from(text)) : null;
}

/** The 64 bytes `r || s` of a signature in lower-case hex; `null` for any other text. */
export function signatureBytes(text: unknown): Uint8Array | null {
  return hexBytes(text, SIGNATURE);
}

/** The 33 bytes of a compressed public key in lower-case hex (SEC 1, section 2.3.3); `null` for any other text. */
export function publicKeyBytes(text: unknown): Uint8Array | null {
  return typeof text === 'string' && hasPublicKeyForm(text) ? new Uint8Array(Buffer.from(text, 'hex')) : null;
}

/** The 32 bytes of a secret key in lower-case hex; `null` for any other text. */
export function secretKeyBytes(text: unknown): Uint8Array | null {
  return hexBytes(text, SECRET_KEY);
}

/** Whether a value has the form of a secret key; its range is not looked at. */
export function isSecretKeyForm(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array && value.byteLength === SECRET_KEY_BYTES;
}

/** Lower-case hex. */
export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}

/** One spelling for each value: no upper case, no prefix. */
function hexBytes(text: unknown, form: RegExp): Uint8Array | null {
  return typeof text === 'string' && form.test(text) ? new Uint8Array(Buffer.from(text, 'hex')) : null;
}
