/** A document under examination, and the brackets that are open in it. */
export class Input {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** Position after the last byte to look at. */
  readonly end: number;
  /** For every open bracket the one that closes it; its length is the greatest depth. */
  readonly closers: Uint8Array;
  depth = 0;

  constructor(bytes: Uint8Array, end: number, maxDepth: number) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.end = end;
    this.closers = new Uint8Array(maxDepth);
  }
}
