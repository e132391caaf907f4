/*
 * Members of objects, and their values in the forms of JSON-RPC: 0x strings in lower case. Needs object.h and rlp.h. What is
 * spelled in any other way is refused here, though some of it is taken by ../hex.ts.
 */
#include <stdint.h>

/* A field's form, or of how many bytes it is. */
enum { QUANTITY = -1, DATA = -2 };
enum { MAX_QUANTITY_DIGITS = 64, MAX_NUMBER_DIGITS = 13, MAX_DECIMAL_DIGITS = 15 };

struct field {
  const char *name;
  uint32_t length;
  int form;
};

#define FIELD(name, form) { name, sizeof name - 1, form }

/* A member's value; `at` is 0 where there is none. */
struct value {
  place at, end;
};

/* The members of the object that was scanned last. */
static struct members members;

static inline int is_same(place a, place b, uint32_t length) {
  uint32_t at = 0;
  while (at < length && a[at] == b[at]) at++;
  return at == length;
}

/* Finds the values of fields. Refuses a name with an escape, which may spell any other, and a field that is there twice. */
static int find(const struct field *fields, uint32_t count, struct value *found) {
  for (uint32_t i = 0; i < count; i++) found[i].at = 0;
  for (uint32_t m = 0; m < members.count; m++) {
    place name = (place)members.of[m].name + 1;
    uint32_t length = (place)members.of[m].name_end - 1 - name;
    for (uint32_t i = 0; i < length; i++) if (name[i] == '\\') return 0;
    for (uint32_t i = 0; i < count; i++) {
      if (fields[i].length != length || !is_same(name, (place)fields[i].name, length)) continue;
      if (found[i].at != 0) return 0;
      found[i].at = (place)members.of[m].value;
      found[i].end = (place)members.of[m].value_end;
      break;
    }
  }
  return 1;
}

static inline int find_in(place object, const struct field *fields, uint32_t count, struct value *found) {
  return object_end(0, object, MAX_DEPTH, &members) != refused && find(fields, count, found);
}

/* Some nodes write `null` for what is not there. */
static inline int is_present(struct value value) { return value.at != 0 && *value.at != 'n'; }

static inline int is_hex(struct value value) {
  return value.at != 0 && value.at[0] == '"' && value.at[1] == '0' && value.at[2] == 'x';
}

/* 255 for what is no digit. */
static inline uint8_t digit_of(uint8_t character) {
  uint8_t number = character - '0', letter = character - 'a';
  return number < 10 ? number : letter < 6 ? letter + 10 : 255;
}

/* Puts what digits spell; an odd number of them as if a zero stood before. */
static int put_digits(place digits, uint32_t count) {
  if (!has_room((count + 1) / 2)) return 0;
  uint8_t all = 0;
  place at = digits + count;
  while (at - digits > 1) {
    at -= 2;
    uint8_t high = digit_of(at[0]), low = digit_of(at[1]);
    all |= high | low;
    *--top = high << 4 | low;
  }
  if (at == digits) return all < 16;
  *--top = digit_of(*digits);
  return (all | *top) < 16;
}

/* A plain integer in decimal; -1 for anything else. */
static int64_t decimal_of(struct value value) {
  int64_t number = 0;
  uint32_t length = value.end - value.at;
  if (length > MAX_DECIMAL_DIGITS || (*value.at == '0' && length > 1)) return -1;
  for (place at = value.at; at < value.end; at++) {
    if (!within(*at, '0', '9')) return -1;
    number = number * 10 + (*at - '0');
  }
  return number;
}

/* A quantity as a number; -1 for anything else, and for what is larger than such numbers as blocks have. */
static int64_t number_of(struct value value) {
  if (value.at == 0) return -1;
  if (!is_hex(value)) return *value.at == '"' ? -1 : decimal_of(value);
  place digits = value.at + 3, end = value.end - 1;
  int64_t number = 0;
  if (digits == end || end - digits > MAX_NUMBER_DIGITS || (*digits == '0' && end - digits > 1)) return -1;
  for (; digits < end; digits++) {
    uint8_t digit = digit_of(*digits);
    if (digit > 15) return -1;
    number = number << 4 | digit;
  }
  return number;
}

static int put_number(int64_t number) {
  const uint8_t *end = top;
  if (number < 0 || !has_room(8)) return 0;
  for (; number > 0; number >>= 8) *--top = (uint8_t)number;
  close_string(end);
  return 1;
}

static int put(struct value value, int form) {
  if (!is_hex(value)) return form == QUANTITY && value.at != 0 && put_number(number_of(value));
  const uint8_t *end = top;
  place digits = value.at + 3;
  uint32_t count = value.end - 1 - digits;
  if (form == QUANTITY) {
    if (count == 0 || count > MAX_QUANTITY_DIGITS || (*digits == '0' && count > 1)) return 0;
    if (*digits == '0') count = 0;
  } else if (count % 2 != 0 || (form >= 0 && count != 2 * (uint32_t)form)) return 0;
  if (!put_digits(digits, count)) return 0;
  close_string(end);
  return 1;
}

/* Whether a value is the 0x string of a hash. */
static int is_hash(struct value value, const uint8_t *hash) {
  if (!is_hex(value) || value.end - value.at != 2 * HASH_BYTES + 4) return 0;
  uint8_t difference = 0;
  for (uint32_t i = 0; i < HASH_BYTES; i++) {
    place digits = value.at + 3 + 2 * i;
    uint8_t high = digit_of(digits[0]), low = digit_of(digits[1]);
    difference |= (high | low) & 0xf0;
    difference |= (high << 4 | low) ^ hash[i];
  }
  return difference == 0;
}

/* Whether a value is the 0x string of any hash. */
static int is_some_hash(struct value value) {
  const uint8_t *end = top;
  int is = put(value, HASH_BYTES);
  top = (uint8_t *)end;
  return is;
}
