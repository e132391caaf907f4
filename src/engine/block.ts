import type { BlockHeader } from '../contracts/index.js';

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A verified block: its header and its bytes exactly as they were submitted. */
export class Block implements BlockHeader {
  readonly height: number;
  readonly hash: string;
  readonly previousHash: string;
  readonly timestamp: number | null;
  /** The document, UTF-8. The hash is over these bytes; must not be modified. */
  readonly bytes: Uint8Array;

  constructor(header: BlockHeader, bytes: Uint8Array) {
    this.height = header.height;
    this.hash = header.hash;
    this.previousHash = header.previousHash;
    this.timestamp = header.timestamp;
    this.bytes = bytes;
  }

  /** The document as text. */
  text(): string {
    return decoder.decode(this.bytes);
  }

  /** The document parsed. Numbers lose the way they were written (`6.0` becomes `6`): never hash or store the result. */
  json(): unknown {
    return JSON.parse(this.text());
  }
}
