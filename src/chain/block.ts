import type { BlockHeader, ChainRules } from '../contracts/index.js';
import { SyncError } from '../errors/index.js';

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A verified block: its header and its bytes exactly as they were submitted. */
export class Block implements BlockHeader {
  readonly height: number;
  readonly hash: string;
  readonly previousHash: string;
  readonly timestamp: number | null;
  /** The document, UTF-8. The hash is over these bytes; must not be modified. */
  readonly bytes: Uint8Array;

  readonly #rules: Pick<ChainRules, 'verify'> | null;
  #isChecked: boolean;

  /** @param rules - check the bytes before they are first parsed; `null` for bytes that have just been checked. */
  constructor(header: BlockHeader, bytes: Uint8Array, rules: Pick<ChainRules, 'verify'> | null = null) {
    this.height = header.height;
    this.hash = header.hash;
    this.previousHash = header.previousHash;
    this.timestamp = header.timestamp;
    this.bytes = bytes;
    this.#rules = rules;
    this.#isChecked = rules === null;
  }

  /** The document as text. */
  text(): string {
    return decoder.decode(this.bytes);
  }

  /**
   * The document parsed, at each call anew. Numbers lose the way they were written (`6.0` becomes `6`): never hash or store
   * the result. The first call checks that what came from the store still has the hash that was verified.
   *
   * @throws SyncError `STORE_DAMAGED`
   */
  json(): unknown {
    this.#check();
    return JSON.parse(this.text());
  }

  #check(): void {
    if (this.#isChecked) return;
    const { height, hash } = this;
    try {
      this.#rules?.verify(this.bytes, { height, hash });
    } catch (cause) {
      const message = `What the store holds for block ${height} is not the block that was verified.`;
      throw new SyncError('STORE_DAMAGED', message, { height, cause });
    }
    this.#isChecked = true;
  }
}
