type Tables = readonly [Uint32Array, Uint32Array, Uint32Array, Uint32Array];

/** A checksum of a part of some bytes. */
export type Crc32 = (bytes: Uint8Array, from: number, to: number) => number;

/**
 * The CRC-32 of a polynomial, in its reversed form: 0x82f63b78 for CRC-32C (RFC 3720, appendix B.4), 0xedb88320 for that
 * of gzip, which `node:zlib` has and other platforms have not.
 */
export function crc32Of(polynomial: number): Crc32 {
  const tables = makeTables(polynomial);
  return (bytes, from, to) => crc32(tables, bytes, from, to);
}

/** One table for each of the four bytes taken at a time. */
function makeTables(polynomial: number): Tables {
  const first = Uint32Array.from({ length: 256 }, (_, byte) => {
    let value = byte;
    for (let bit = 0; bit < 8; bit++) value = (value & 1) === 1 ? (value >>> 1) ^ polynomial : value >>> 1;
    return value;
  });
  const tables = [first];
  for (let t = 1; t < 4; t++) {
    const below = tables[t - 1] ?? first;
    tables.push(below.map((value) => (value >>> 8) ^ (first[value & 0xff] ?? 0)));
  }
  return tables as unknown as Tables;
}

function crc32([t0, t1, t2, t3]: Tables, bytes: Uint8Array, from: number, to: number): number {
  let crc = -1;
  let at = from;
  const byte = (index: number): number => bytes[index] as number;
  for (; at + 4 <= to; at += 4) {
    crc ^= byte(at) | (byte(at + 1) << 8) | (byte(at + 2) << 16) | (byte(at + 3) << 24);
    crc =
      (t3[crc & 0xff] as number) ^
      (t2[(crc >>> 8) & 0xff] as number) ^
      (t1[(crc >>> 16) & 0xff] as number) ^
      (t0[crc >>> 24] as number);
  }
  for (; at < to; at++) crc = (crc >>> 8) ^ (t0[(crc ^ byte(at)) & 0xff] as number);
  return ~crc >>> 0;
}
