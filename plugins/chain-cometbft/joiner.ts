import { malformed } from '../../src/internal/json/index.js';
import { cometbftDocument, heightIn, memberNames } from './join.js';

/** Joins answers that come one after the other: of `/block`, and behind it of `/commit` and `/validators`, for each height. */
export class CometbftJoiner {
  #block: Uint8Array | null = null;
  #commit: Uint8Array | null = null;
  #validators: Uint8Array[] = [];

  /**
   * Takes the next answer.
   *
   * @returns the block before, when this is the answer of another `/block`; else `null`.
   * @throws SyncError `BLOCK_MALFORMED` for an answer of another kind, or of another height.
   */
  push(answer: Uint8Array): Uint8Array | null {
    const names = memberNames(answer);
    if (names.has('block')) return this.#begin(answer);
    if (this.#block === null) throw malformed(0, 'an answer before the first one of /block');
    this.#requireHeight(answer);
    if (names.has('signed_header')) this.#commit = answer;
    else if (names.has('validators')) this.#validators.push(answer);
    else throw malformed(0, 'no answer of /block, /commit or /validators');
    return null;
  }

  /** The last block; `null` when there is none. */
  end(): Uint8Array | null {
    const block = this.#block;
    const document =
      block === null ? null : cometbftDocument({ block, commit: this.#commit, validators: this.#validators });
    this.#block = null;
    return document;
  }

  #begin(answer: Uint8Array): Uint8Array | null {
    const before = this.end();
    this.#block = answer;
    this.#commit = null;
    this.#validators = [];
    return before;
  }

  #requireHeight(answer: Uint8Array): void {
    const [height, wanted] = [heightIn(answer), heightIn(this.#block ?? answer)];
    if (height !== wanted)
      throw malformed(0, `an answer for block ${height} behind that for block ${wanted}`);
  }
}
