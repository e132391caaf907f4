/*
 * The module that ../quick-blocks.ts calls: proves blocks as ../rules.ts does, where they are in order and spelled as nodes
 * spell them. It says of no other what is wrong with it, nor that anything is.
 */
#include "../../../src/internal/json/native/object.h"

enum { ROOM = 4 << 20, MAX_DEPTH = 64, MAX_BLOCKS = 256 };
static const int64_t MAX_SECONDS = 9007199254740;

#include "keccak.h"
#include "rlp.h"
#include "trie.h"
#include "values.h"
#include "arrays.h"
#include "header.h"
#include "transactions.h"

/* The hashes of no uncles and of an empty trie: of the RLP of an empty list and of an empty string. */
static const uint8_t NO_UNCLES[HASH_BYTES] = {
  0x1d, 0xcc, 0x4d, 0xe8, 0xde, 0xc7, 0x5d, 0x7a, 0xab, 0x85, 0xb5, 0x67, 0xb6, 0xcc, 0xd4, 0x1a,
  0xd3, 0x12, 0x45, 0x1b, 0x94, 0x8a, 0x74, 0x13, 0xf0, 0xa1, 0x42, 0xfd, 0x40, 0xd4, 0x93, 0x47,
};
static const uint8_t EMPTY[HASH_BYTES] = {
  0x56, 0xe8, 0x1f, 0x17, 0x1b, 0xcc, 0x55, 0xa6, 0xff, 0x83, 0x45, 0xe6, 0x92, 0xc0, 0xf8, 0x6e,
  0x5b, 0x48, 0xe0, 0x1b, 0x99, 0x6c, 0xad, 0xc0, 0x01, 0x62, 0x2f, 0xb5, 0xe3, 0x63, 0xb4, 0x21,
};

/* Of bare hashes only whether there are any can be checked. */
static int uncles_fit(const struct value *found) {
  if (found[UNCLES].at == 0) return 1;
  const uint8_t *end = top;
  int32_t count = collect(found[UNCLES]);
  if (count <= 0) return count == 0 && is_hash(found[UNCLES_HASH], NO_UNCLES);
  if (*elements[element_count - 1].at == '"') return are_hashes(count) && !is_hash(found[UNCLES_HASH], NO_UNCLES);
  for (int32_t i = 0; i < count; i++)
    if (!put_uncle(elements[--element_count])) return 0;
  return close_list(end) && is_hash(found[UNCLES_HASH], keccak(top, end - top));
}

static int root_fits(struct value stated) {
  const uint8_t *root = list_root();
  return root != 0 && is_hash(stated, root);
}

enum { INDEX, VALIDATOR, RECEIVER, AMOUNT, WITHDRAWAL_FIELDS };
static const struct field WITHDRAWAL[WITHDRAWAL_FIELDS] = {
  FIELD("index", QUANTITY), FIELD("validatorIndex", QUANTITY), FIELD("address", 20), FIELD("amount", QUANTITY),
};

static int put_withdrawal(struct value element) {
  const uint8_t *end = top;
  struct value found[WITHDRAWAL_FIELDS];
  if (!find_in(element.at, WITHDRAWAL, WITHDRAWAL_FIELDS, found)) return 0;
  for (uint32_t i = WITHDRAWAL_FIELDS; i > 0; i--)
    if (!put(found[i - 1], WITHDRAWAL[i - 1].form)) return 0;
  return close_list(end);
}

/* A header without a root of withdrawals has none. */
static int withdrawals_fit(const struct value *found) {
  if (!is_present(found[WITHDRAWALS])) return 1;
  int has_root = is_present(found[WITHDRAWALS_ROOT]);
  int32_t count = collect(found[WITHDRAWALS]);
  if (count <= 0) return count == 0 && (!has_root || is_hash(found[WITHDRAWALS_ROOT], EMPTY));
  if (!has_root || count > MAX_VALUES) return 0;
  value_count = count;
  for (int32_t i = 0; i < count; i++) {
    const uint8_t *end = top;
    if (!put_withdrawal(elements[i])) return 0;
    values[i] = (struct span){ top, end - top };
  }
  return root_fits(found[WITHDRAWALS_ROOT]);
}

static int transactions_fit(const struct value *found, int64_t height) {
  if (found[TRANSACTIONS].at == 0) return 1;
  int32_t count = collect(found[TRANSACTIONS]);
  if (count <= 0) return count == 0 && is_hash(found[TRANSACTIONS_ROOT], EMPTY);
  if (*elements[0].at == '"') return are_hashes(count) && !is_hash(found[TRANSACTIONS_ROOT], EMPTY);
  if (count > MAX_VALUES) return 0;
  value_count = count;
  for (int32_t i = 0; i < count; i++) {
    const uint8_t *end = top;
    if (!put_transaction(elements[i], &(struct position){ found[HASH], height, i })) return 0;
    values[i] = (struct span){ top, end - top };
  }
  return root_fits(found[TRANSACTIONS_ROOT]);
}

/* What is said of a block; places count from the input. */
struct header {
  double height, timestamp_ms;
  uint32_t end, hash, parent_hash;
  /* Whether its parent is the block before it in the input. */
  uint32_t follows;
};

static uint8_t input[ROOM + LANES];
static struct header headers[MAX_BLOCKS];

static inline void begin_part(void) {
  top = arena + ARENA_BYTES;
  element_count = 0;
}

static int body_and_header_fit(const struct value *found, int64_t height) {
  begin_part();
  if (!put_header(found) || !is_hash(found[HASH], keccak(top, arena + ARENA_BYTES - top))) return 0;
  begin_part();
  if (!uncles_fit(found)) return 0;
  begin_part();
  if (!withdrawals_fit(found)) return 0;
  begin_part();
  return transactions_fit(found, height);
}

/* Proves the block that begins at a place; behind it stands a line feed. */
static int prove_at(place at, struct header *header) {
  struct value found[BLOCK_FIELDS];
  place end = object_end(0, at, MAX_DEPTH, &members);
  if (end == refused || *end != '\n' || !find(BLOCK, BLOCK_FIELDS, found)) return 0;
  int64_t height = number_of(found[NUMBER]), seconds = number_of(found[TIMESTAMP]);
  if (height < 0 || seconds < 0 || seconds > MAX_SECONDS || !body_and_header_fit(found, height)) return 0;
  header->height = (double)height;
  header->timestamp_ms = (double)(seconds * 1000);
  header->end = end - input;
  header->hash = found[HASH].at + 1 - input;
  header->parent_hash = found[PARENT_HASH].at + 1 - input;
  return 1;
}

uint32_t EXPORT(inputAt)(void) { return (uint32_t)input; }
uint32_t EXPORT(inputBytes)(void) { return ROOM; }
uint32_t EXPORT(headersAt)(void) { return (uint32_t)headers; }

/* Proves the blocks in so many bytes of the input, each with its line feed. Returns how many there are; 0 when not all of
   them were proved. */
uint32_t EXPORT(prove)(uint32_t length) {
  uint32_t count = 0, start = 0;
  input[length] = 0;
  while (start < length) {
    struct header *header = &headers[count];
    if (count == MAX_BLOCKS || !prove_at(input + start, header)) return 0;
    header->follows = count > 0 && is_same(input + header->parent_hash, input + headers[count - 1].hash, 2 * HASH_BYTES + 2);
    start = header->end + 1;
    count++;
  }
  return count;
}

void EXPORT(keccakBegin)(void) { begin(&sponge); }
void EXPORT(keccakAbsorb)(uint32_t length) { absorb(&sponge, input, length); }
/* Returns where the hash is, until the next one is begun. */
uint32_t EXPORT(keccakEnd)(void) { return (uint32_t)finished(&sponge); }
