/*
 * The scan of ../scan.ts for documents that are in order: whether some bytes are one JSON object (RFC 8259) in UTF-8 on one
 * line, and where its members are. It refuses what that scan refuses and says nothing of why.
 *
 * Behind the bytes stands a NUL or a line feed, which such documents have nowhere: so no step compares its position with the
 * end, and a function that refuses answers with the position of a NUL, where the next step ends. Behind that, so many bytes
 * as LANES may be read.
 */
#include <stdint.h>
#ifdef __wasm_simd128__
#include <wasm_simd128.h>
enum { LANES = 16 };
#else
enum { LANES = 8 };
#endif

enum { MAX_MEMBERS = 256 };

#define EXPORT(name) __attribute__((export_name(#name))) name

typedef const uint8_t *place;

/* Where a member is: its name with its quotes, and its value. */
struct member {
  uint32_t name, name_end, value, value_end;
};

struct members {
  uint32_t count;
  struct member of[MAX_MEMBERS];
};

static const uint8_t refused[LANES];

static inline place space_end(place at) {
  while (*at == ' ' || *at == '\t') at++;
  return at;
}

/* Bytes from `low` to `high`, with one comparison. */
static inline int within(uint8_t byte, uint8_t low, uint8_t high) { return (uint8_t)(byte - low) <= high - low; }

static inline int continues(uint8_t byte) { return (byte & 0xc0) == 0x80; }

/* The sequences of Unicode table 3-7: nothing overlong, no surrogates, nothing above U+10FFFF. */
static place character_end(place at) {
  uint8_t lead = *at, second = at[1];
  if (within(lead, 0xc2, 0xdf)) return continues(second) ? at + 2 : refused;
  if (within(lead, 0xe0, 0xef)) {
    int fits = lead == 0xe0 ? within(second, 0xa0, 0xbf) : lead == 0xed ? within(second, 0x80, 0x9f) : continues(second);
    return fits && continues(at[2]) ? at + 3 : refused;
  }
  if (within(lead, 0xf0, 0xf4)) {
    int fits = lead == 0xf0 ? within(second, 0x90, 0xbf) : lead == 0xf4 ? within(second, 0x80, 0x8f) : continues(second);
    return fits && continues(at[2]) && continues(at[3]) ? at + 4 : refused;
  }
  return refused;
}

/* The value of \uXXXX; -1 when there is none. */
static int code_unit(place at) {
  if (at[0] != '\\' || at[1] != 'u') return -1;
  int unit = 0;
  for (int i = 2; i < 6; i++) {
    uint8_t digit = at[i], letter = digit | 0x20;
    if (within(digit, '0', '9')) unit = unit << 4 | (digit - '0');
    else if (within(letter, 'a', 'f')) unit = unit << 4 | (letter - 'a' + 10);
    else return -1;
  }
  return unit;
}

/* Surrogates must come in pairs. */
static place escape_end(place at) {
  switch (at[1]) {
    case '"': case '\\': case '/': case 'b': case 'f': case 'n': case 'r': case 't': return at + 2;
  }
  int unit = code_unit(at);
  if (unit < 0) return refused;
  if ((unit & 0xf800) != 0xd800) return at + 6;
  return unit < 0xdc00 && (code_unit(at + 6) & ~0x3ff) == 0xdc00 ? at + 12 : refused;
}

#ifdef __wasm_simd128__
/* How many of the next bytes are characters by themselves, neither a quote nor a backslash. As signed numbers, bytes below
   0x20 are the control characters and all of longer characters. */
static inline uint32_t plain_bytes(place at) {
  v128_t bytes = wasm_v128_load(at);
  v128_t ends = wasm_v128_or(wasm_i8x16_eq(bytes, wasm_i8x16_const_splat('"')),
                             wasm_i8x16_eq(bytes, wasm_i8x16_const_splat('\\')));
  uint32_t stops = wasm_i8x16_bitmask(wasm_v128_or(ends, wasm_i8x16_lt(bytes, wasm_i8x16_const_splat(0x20))));
  return stops == 0 ? LANES : (uint32_t)__builtin_ctz(stops);
}
#else
/* The same without SIMD. A borrow can mark a byte falsely, but only above one that is marked rightly. */
static inline uint32_t plain_bytes(place at) {
  const uint64_t each = 0x0101010101010101;
  uint64_t bytes;
  __builtin_memcpy(&bytes, at, LANES);
  uint64_t control = bytes - each * 0x20, quote = (bytes ^ each * '"') - each, backslash = (bytes ^ each * '\\') - each;
  uint64_t stops = (bytes | control | quote | backslash) & each * 0x80;
  return stops == 0 ? LANES : (uint32_t)__builtin_ctzll(stops) / 8;
}
#endif

/* From the byte behind the opening quote to the one behind the closing quote. */
static inline place string_end(place at) {
  for (;;) {
    uint32_t plain = plain_bytes(at);
    at += plain;
    if (plain == LANES) continue;
    if (*at == '"') return at + 1;
    if (*at < 0x20) return refused;
    do at = *at == '\\' ? escape_end(at) : character_end(at); while (*at == '\\' || *at >= 0x80);
    if (at == refused) return refused;
  }
}

static place digits_end(place at) {
  if (!within(*at, '0', '9')) return refused;
  do at++; while (within(*at, '0', '9'));
  return at;
}

static inline place number_end(place at) {
  if (*at == '-') at++;
  at = *at == '0' ? at + 1 : digits_end(at);
  if (*at == '.') at = digits_end(at + 1);
  if (*at != 'e' && *at != 'E') return at;
  at++;
  return digits_end(*at == '+' || *at == '-' ? at + 1 : at);
}

static place literal_end(place at) {
  if (at[0] == 't') return at[1] == 'r' && at[2] == 'u' && at[3] == 'e' ? at + 4 : refused;
  if (at[0] == 'f') return at[1] == 'a' && at[2] == 'l' && at[3] == 's' && at[4] == 'e' ? at + 5 : refused;
  return at[0] == 'n' && at[1] == 'u' && at[2] == 'l' && at[3] == 'l' ? at + 4 : refused;
}

/*
 * Scans the object that begins at a place; the places of its members count from `base`.
 *
 * Returns where it ends; `refused` when it is none, or has more members than the table holds. At most 64 levels: the kinds
 * of the open brackets are the bits of one word.
 */
static inline place object_end(place base, place at, uint32_t max_depth, struct members *found) {
  struct member *members = found->of;
  uint64_t objects = 1;
  uint32_t depth = 1;
  uint32_t count = 0;
  if (*at != '{') return refused;
  at = space_end(at + 1);
  if (*at == '}') {
    found->count = 0;
    return at + 1;
  }
  for (;;) {
    if (objects & 1) {
      if (*at != '"') return refused;
      place name = at, name_end = string_end(at + 1);
      at = space_end(name_end);
      if (*at != ':') return refused;
      at = space_end(at + 1);
      if (depth == 1) {
        if (count == MAX_MEMBERS) return refused;
        members[count].name = name - base;
        members[count].name_end = name_end - base;
        members[count++].value = at - base;
      }
    }
    uint8_t first = *at;
    if (first == '"') at = string_end(at + 1);
    else if (first == '-' || within(first, '0', '9')) at = number_end(at);
    else if (first == '{' || first == '[') {
      if (depth++ == max_depth) return refused;
      objects = objects << 1 | (first == '{');
      at = space_end(at + 1);
      if (*at != first + 2) continue;
    } else at = literal_end(at);

    for (;;) {
      if (depth == 1) members[count - 1].value_end = at - base;
      at = space_end(at);
      if (*at == ',') break;
      if (*at != (objects & 1 ? '}' : ']')) return refused;
      at++;
      objects >>= 1;
      if (--depth == 0) {
        found->count = count;
        return at;
      }
    }
    at = space_end(at + 1);
  }
}
