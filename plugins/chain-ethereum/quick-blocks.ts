import type { BlockHeader, VerifiedRun } from '../../src/contracts/index.js';
import { type Module, module } from './module.js';

const LINE_FEED = 0x0a;
/** Of a hash as a `0x` string. */
const HASH_CHARACTERS = 66;

/** Bytes of one block in the module's table: height and time as doubles, then four words. */
const HEADER_BYTES = 32;
const HEIGHT = 0;
const TIMESTAMP = 8;
const END = 16;
const HASH = 20;
const PARENT_HASH = 24;
const FOLLOWS = 28;

/**
 * Proves blocks as the rules `ethereum` do, in WebAssembly (`native/`): those that are in order and spelled as nodes spell
 * them. It says of no other what is wrong with it, nor that anything is: then the rules decide.
 */
export class QuickBlocks {
  readonly #module: Module = module();
  readonly #table: DataView;

  constructor() {
    this.#table = new DataView(this.#module.memory.buffer, this.#module.headersAt());
  }

  /** The header of a block that is proved; `null` where that is not known. */
  one(document: Uint8Array): BlockHeader | null {
    const { input } = this.#module;
    if (document.length + 1 >= input.length) return null;
    input.set(document);
    input[document.length] = LINE_FEED;
    return this.#module.prove(document.length + 1) === 1 ? this.#headerAt(0, '') : null;
  }

  /** What is said of documents that are all proved, each with its line feed; `null` where that is not known. */
  all(documents: Uint8Array): VerifiedRun | null {
    const { input } = this.#module;
    if (documents.length >= input.length) return null;
    input.set(documents);
    const count = this.#module.prove(documents.length);
    if (count === 0 && documents.length > 0) return null;
    const headers: BlockHeader[] = [];
    const documentLengths: number[] = [];
    let start = 0;
    let before = '';
    for (let block = 0; block < count; block++) {
      const header = this.#headerAt(block, before);
      headers.push(header);
      const end = this.#table.getUint32(block * HEADER_BYTES + END, true);
      documentLengths.push(end - start);
      start = end + 1;
      before = header.hash;
    }
    return { headers, documentLengths };
  }

  /** @param before - hash of the block before it: a string for each hash is enough. */
  #headerAt(block: number, before: string): BlockHeader {
    const at = block * HEADER_BYTES;
    const follows = this.#table.getUint32(at + FOLLOWS, true) === 1;
    return {
      height: this.#table.getFloat64(at + HEIGHT, true),
      hash: this.#textAt(this.#table.getUint32(at + HASH, true)),
      previousHash: follows ? before : this.#textAt(this.#table.getUint32(at + PARENT_HASH, true)),
      timestamp: this.#table.getFloat64(at + TIMESTAMP, true),
    };
  }

  #textAt(start: number): string {
    return this.#module.input.toString('latin1', start, start + HASH_CHARACTERS);
  }
}
