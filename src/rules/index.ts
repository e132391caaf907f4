/**
 * What chain rules of one's own are made of: a strict reader of JSON documents, the canonical forms of what stands in them,
 * and the errors that the contract asks for. `Members` builds nothing of what is not asked for, and takes no document that two
 * parsers could read in two ways.
 */
export { requireExpected, requireHash } from '../internal/expected-block.js';
export { parseHeight } from '../internal/height.js';
export { malformed, MAX_DEPTH, type Span } from '../internal/json/index.js';
export {
  base64Bytes,
  type Form,
  hexBytes,
  Members,
  mismatch,
  parseTime,
  sameBytes,
  type Time,
  toHex,
  unsigned,
} from '../internal/proof/index.js';
