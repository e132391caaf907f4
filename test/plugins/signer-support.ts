/** Order of the curve's group (SEC 2, section 2.4.1). */
export const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

/** A secret key that is nobody's. */
export const SECRET = 'f8b8af8ce3c7cca5e300d33939540c10d45ce001b8f252bfbc57ba0342904181';

/** Bytes of hex. */
export function key(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex, 'hex'));
}

/** 32 bytes in hex. */
export function hex64(value: bigint): string {
  return value.toString(16).padStart(64, '0');
}

/** Whether a compact signature has a low S. */
export function isLow(signature: string): boolean {
  return BigInt(`0x${signature.slice(64)}`) <= ORDER / 2n;
}

/** The other signature that plain ECDSA takes for the same message. */
export function twin(signature: string): string {
  return signature.slice(0, 64) + hex64(ORDER - BigInt(`0x${signature.slice(64)}`));
}

/**
 * Turns a signature in DER (X.690) into the compact form, which has more than 128 digits if an integer is too large.
 * `null` for any other encoding of the same two integers, for negative ones and for bytes after the end.
 */
export function fromDer(bytes: Buffer): string | null {
  const sequence = element(bytes, 0x30);
  if (sequence === null || sequence.rest.length > 0) return null;
  const r = element(sequence.content, 0x02);
  const s = r === null ? null : element(r.rest, 0x02);
  if (r === null || s === null || s.rest.length > 0) return null;
  const [rHex, sHex] = [unsigned(r.content), unsigned(s.content)];
  return rHex === null || sHex === null ? null : rHex + sHex;
}

/** Writes a compact signature as DER. */
export function toDer(compact: string): Buffer {
  const integers = [compact.slice(0, 64), compact.slice(64)].map((hex) => {
    const digits = hex.replace(/^(00)+/, '') || '00';
    const content = Buffer.from(
      Number.parseInt(digits.slice(0, 2), 16) > 0x7f ? `00${digits}` : digits,
      'hex',
    );
    return Buffer.concat([Buffer.of(0x02, content.length), content]);
  });
  const content = Buffer.concat(integers);
  return Buffer.concat([Buffer.of(0x30, content.length), content]);
}

/** Takes the short form of a length alone: a signature of this curve never needs the long one. */
function element(bytes: Buffer, tag: number): { readonly content: Buffer; readonly rest: Buffer } | null {
  const [first, length = 0x80] = bytes;
  if (first !== tag || length >= 0x80 || bytes.length < 2 + length) return null;
  return { content: bytes.subarray(2, 2 + length), rest: bytes.subarray(2 + length) };
}

function unsigned(content: Buffer): string | null {
  const [first, second] = content;
  if (first === undefined || first > 0x7f) return null;
  if (first === 0 && second !== undefined && second < 0x80) return null;
  return content.toString('hex').replace(/^00/, '').padStart(64, '0');
}
