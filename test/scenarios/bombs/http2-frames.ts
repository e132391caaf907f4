/** Kinds of frames (RFC 9113 section 6). */
export const FRAME = {
  data: 0x0,
  headers: 0x1,
  priority: 0x2,
  reset: 0x3,
  settings: 0x4,
  ping: 0x6,
  windowUpdate: 0x8,
  continuation: 0x9,
} as const;

export const END_STREAM = 0x1;
export const END_HEADERS = 0x4;
export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

/** One frame (RFC 9113 section 4.1). */
export function frame(
  type: number,
  flags: number,
  stream: number,
  payload: Uint8Array = Buffer.alloc(0),
): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** One setting. */
export function settings(id: number, value: number): Buffer {
  const payload = Buffer.alloc(6);
  payload.writeUInt16BE(id, 0);
  payload.writeUInt32BE(value, 2);
  return frame(FRAME.settings, 0, 0, payload);
}

const INITIAL_WINDOW_SIZE = 0x4;

/** Says that this side takes no bytes of any stream. */
export const NO_WINDOW = settings(INITIAL_WINDOW_SIZE, 0);

/** A literal field that is not put into the table, with a name of the static table (RFC 7541 section 6.2.2). */
function literal(index: number, value: string): Buffer {
  return Buffer.concat([Buffer.of(index, value.length), Buffer.from(value)]);
}

/** A field of a new name, put into the dynamic table or not (RFC 7541 section 6.2). */
export function field(name: string, value: string, isKept = false): Buffer {
  const length = Buffer.from(name.length < 127 ? [name.length] : integer(name.length));
  const valueLength = Buffer.from(value.length < 127 ? [value.length] : integer(value.length));
  return Buffer.concat([
    Buffer.of(isKept ? 0x40 : 0x00),
    length,
    Buffer.from(name),
    valueLength,
    Buffer.from(value),
  ]);
}

/** An integer with a prefix of seven bits (RFC 7541 section 5.1). */
function integer(value: number): readonly number[] {
  const bytes = [127];
  let rest = value - 127;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return [...bytes, rest];
}

/** The newest field of the dynamic table. */
export const NEWEST_FIELD = Buffer.of(0xbe);

/** The fields of a GET without TLS. */
export function get(path: string): Buffer {
  return Buffer.concat([Buffer.of(0x82, 0x86), literal(0x04, path), literal(0x01, 'localhost')]);
}
