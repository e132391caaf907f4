import { latin1Text, quickView, writeBase64 } from '#platform/bytes';
import { SyncError } from '../../../src/errors/index.js';

// Much longer strings live outside of V8's heap, and making and freeing those costs four times what decoding does.
const SLICE_BYTES = 32 * 1024;
const EQUALS = 0x3d;
const MINUS = 0x2d;
const UNDERSCORE = 0x5f;

/**
 * Decodes standard base64 (RFC 4648 section 4) from ASCII bytes and takes only the one canonical form, so that a
 * block has only one encoding (protocol section 3.4).
 *
 * Node's decoder skips what it doesn't know and so returns fewer bytes than the length calls for; besides that it
 * takes the URL alphabet and spare bits that are not zero. Checking these three is as strict as encoding again and
 * comparing, at a fraction of the time.
 *
 * @throws SyncError `CODEC_CORRUPT`
 */
export function decodeBase64(data: Uint8Array): Uint8Array {
  const text = quickView(data);
  if (text.length % 4 !== 0) throw notCanonical(`${text.length} characters are not a multiple of 4`);
  const padding = paddingOf(text);
  const bytes = new Uint8Array((text.length / 4) * 3 - padding);
  let length = 0;
  for (let at = 0; at < text.length; at += SLICE_BYTES) {
    length += writeBase64(latin1Text(text, at, at + SLICE_BYTES), bytes, length);
  }
  if (length !== bytes.length || text.includes(MINUS) || text.includes(UNDERSCORE)) {
    throw notCanonical('a character is not of the alphabet');
  }
  if (!spareBitsAreZero(text, bytes, padding)) throw notCanonical('the last character has spare bits set');
  return bytes;
}

function paddingOf(text: Uint8Array): number {
  if (text.at(-1) !== EQUALS) return 0;
  return text.at(-2) === EQUALS ? 2 : 1;
}

/** The last group of four, encoded again, is the same. */
function spareBitsAreZero(text: Uint8Array, bytes: Uint8Array, padding: number): boolean {
  if (padding === 0) return true;
  const lastGroup = bytes.subarray(bytes.length - (3 - padding));
  return btoa(latin1Text(lastGroup)) === latin1Text(text, text.length - 4);
}

function notCanonical(what: string): SyncError {
  return new SyncError('CODEC_CORRUPT', `The event's data is not canonical base64: ${what}.`);
}
