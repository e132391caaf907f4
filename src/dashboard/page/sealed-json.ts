import { hashOf } from '../../../plugins/chain-sealed-json/form.js';
import { SealedJsonRules } from '../../../plugins/chain-sealed-json/rules.js';

/** What a document of the chain `sealed-json` states and has. */
export interface SealedDocument {
  readonly hash: string;
  readonly height: number;
  readonly previousHash: string;
  /** The hash that its bytes have. */
  readonly computed: string;
}

const rules = new SealedJsonRules();

/** Reads a document as nodes do, and computes its hash anew; `null` for what they would refuse for its form. */
export function readSealed(document: Uint8Array): SealedDocument | null {
  try {
    const { hash, height, previousHash } = rules.describe(document);
    return { hash, height, previousHash, computed: hashOf(document) };
  } catch {
    return null;
  }
}
