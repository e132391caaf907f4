/* Elements of arrays, which are written in reverse. Needs values.h. */
#include <stdint.h>

enum { MAX_ELEMENTS = 1 << 16 };

/* Of arrays within each other the elements stand one behind the other. */
static struct value elements[MAX_ELEMENTS];
static uint32_t element_count;

/* Adds the elements of an array, all of which are objects or strings. Returns how many there are; -1 when refused. */
static int32_t collect(struct value array) {
  uint32_t before = element_count;
  if (array.at == 0 || *array.at != '[') return -1;
  place at = space_end(array.at + 1);
  while (*at != ']') {
    if (element_count == MAX_ELEMENTS) return -1;
    place start = at;
    at = *at == '{' ? object_end(0, at, MAX_DEPTH, &members) : *at == '"' ? string_end(at + 1) : refused;
    if (at == refused) return -1;
    elements[element_count++] = (struct value){ start, at };
    at = space_end(at);
    if (*at == ',') at = space_end(at + 1);
  }
  return element_count - before;
}

/* Puts the list of an array, by what puts one of its elements. */
static int put_list(struct value array, int (*put_element)(struct value)) {
  const uint8_t *end = top;
  int32_t count = collect(array);
  for (int32_t i = 0; i < count; i++)
    if (!put_element(elements[--element_count])) return 0;
  return count >= 0 && close_list(end);
}

/* Whether the last elements are all strings of hashes. */
static int are_hashes(uint32_t count) {
  for (uint32_t i = 1; i <= count; i++)
    if (!is_some_hash(elements[element_count - i])) return 0;
  return 1;
}
