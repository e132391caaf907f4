/** What a byte means inside a string (RFC 8259 section 7). */
export const PLAIN = 0;
export const QUOTE = 1;
export const BACKSLASH = 2;
export const CONTROL = 3;
export const MULTIBYTE = 4;

/** Kind of every byte inside a string. */
export const STRING_KIND = new Uint8Array(256);
STRING_KIND.fill(CONTROL, 0, 0x20);
STRING_KIND.fill(MULTIBYTE, 0x80);
STRING_KIND[0x22] = QUOTE;
STRING_KIND[0x5c] = BACKSLASH;

/** 1 for the bytes that may follow a backslash, except `u`. */
export const SIMPLE_ESCAPE = new Uint8Array(256);
for (const char of '"\\/bfnrt') SIMPLE_ESCAPE[char.charCodeAt(0)] = 1;

/** Value of a hex digit of either case; 255 for every other byte. */
export const HEX_VALUE = new Uint8Array(256).fill(255);
for (let digit = 0; digit < 16; digit++) {
  const text = digit.toString(16);
  HEX_VALUE[text.charCodeAt(0)] = digit;
  HEX_VALUE[text.toUpperCase().charCodeAt(0)] = digit;
}
