/** A document under examination, and the brackets that are open in it. */
export class Input {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** Position after the last byte to look at. */
  readonly end: number;
  readonly maxDepth: number;
  /** For every open bracket the one that closes it. */
  readonly closers: Uint8Array;
  depth = 0;

  /** @param closers - room for `maxDepth` brackets, which nothing else uses meanwhile. */
  constructor(bytes: Uint8Array, end: number, maxDepth: number, closers = new Uint8Array(maxDepth)) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.end = end;
    this.maxDepth = maxDepth;
    this.closers = closers;
  }
}
