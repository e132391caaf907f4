/*
 * RLP (yellow paper, appendix B), written from its end to its beginning: an item's length is then known when its prefix is
 * written, and nothing is moved or measured twice. Who writes a list remembers `top`, writes the items in reverse, and
 * closes the list.
 */
#include <stdint.h>

enum { ARENA_BYTES = 3 << 20, MAX_PREFIX = 5, SHORT_BYTES = 55, STRING = 0x80, LIST = 0xc0 };

static uint8_t arena[ARENA_BYTES];
/* Where what was written last begins; all of it lies between here and the arena's end. */
static uint8_t *top;

static inline int has_room(uint32_t bytes) { return (uint32_t)(top - arena) >= bytes + MAX_PREFIX; }

static void put_prefix(uint32_t length, uint8_t kind) {
  if (length <= SHORT_BYTES) {
    *--top = kind + length;
    return;
  }
  uint8_t digits = 0;
  for (; length > 0; length >>= 8, digits++) *--top = (uint8_t)length;
  *--top = kind + SHORT_BYTES + digits;
}

/* Makes a string of the bytes from `top` up to `end`. */
static inline void close_string(const uint8_t *end) {
  uint32_t length = end - top;
  if (length != 1 || *top >= STRING) put_prefix(length, STRING);
}

/* Makes a list of the items from `top` up to `end`. */
static inline int close_list(const uint8_t *end) {
  if (!has_room(0)) return 0;
  put_prefix(end - top, LIST);
  return 1;
}

static int put_bytes(const uint8_t *bytes, uint32_t length) {
  if (!has_room(length)) return 0;
  top -= length;
  __builtin_memcpy(top, bytes, length);
  return 1;
}

static int put_string(const uint8_t *bytes, uint32_t length) {
  const uint8_t *end = top;
  if (!put_bytes(bytes, length)) return 0;
  close_string(end);
  return 1;
}
