/*
 * Root of the Merkle Patricia trie of a list (yellow paper, appendix D): each value under the RLP of its index. Needs keccak.h
 * and rlp.h. What is shorter than a hash stands in its parent, all else by its hash: so what is written of a node is kept or
 * replaced where it stands, and the arena never holds more than one path of nodes.
 */

enum { MAX_VALUES = 1 << 14, MAX_NIBBLES = 6 };

struct span {
  const uint8_t *at;
  uint32_t length;
};

static struct span values[MAX_VALUES];
static uint32_t value_count;

/*
 * The index whose key is the one at a place of their order: that of index 0 is 0x80, those up to 127 are the index itself,
 * and larger ones have a byte of length before them.
 */
static inline uint32_t index_at(uint32_t order) {
  uint32_t small = value_count < 128 ? value_count - 1 : 127;
  return order < small ? order + 1 : order == small ? 0 : order;
}

/* The nibbles of the RLP of an index. */
static inline uint32_t nibble_count(uint32_t index) { return index < 128 ? 2 : index < 256 ? 4 : 6; }

static inline uint32_t nibble(uint32_t index, uint32_t depth) {
  uint32_t key = index == 0 ? 0x80 : index < 128 ? index : index < 256 ? 0x8100 | index : 0x820000 | index;
  return key >> (4 * (nibble_count(index) - 1 - depth)) & 15;
}

/* A part of the path of an index as it stands in a node: packed, with a mark of its kind and whether its length is odd. */
static int put_path(uint32_t index, uint32_t from, uint32_t to, uint8_t mark) {
  uint8_t packed[1 + MAX_NIBBLES / 2];
  uint32_t odd = (to - from) & 1, length = 1;
  packed[0] = mark | (odd ? 0x10 | nibble(index, from) : 0);
  for (uint32_t at = from + odd; at < to; at += 2) packed[length++] = nibble(index, at) << 4 | nibble(index, at + 1);
  return put_string(packed, length);
}

static int put_node(uint32_t from, uint32_t to, uint32_t depth);

/* Makes of the node from `top` up to `end` what stands of it in its parent. */
static int refer(uint8_t *end) {
  if (end - top < HASH_BYTES) return 1;
  const uint8_t *hash = keccak(top, end - top);
  top = end;
  return put_string(hash, HASH_BYTES);
}

static int put_child(uint32_t from, uint32_t to, uint32_t depth) {
  uint8_t *end = top;
  return from == to ? put_string(top, 0) : put_node(from, to, depth) && refer(end);
}

static int put_branch(uint32_t from, uint32_t to, uint32_t depth) {
  const uint8_t *end = top;
  if (!put_string(top, 0)) return 0;
  for (int child = 15; child >= 0; child--) {
    uint32_t last = to;
    while (to > from && nibble(index_at(to - 1), depth) == (uint32_t)child) to--;
    if (!put_child(to, last, depth + 1)) return 0;
  }
  return close_list(end);
}

/* Puts the node above the values from one place of their order up to another; `depth` nibbles of their paths led here. */
static int put_node(uint32_t from, uint32_t to, uint32_t depth) {
  const uint8_t *end = top;
  uint32_t first = index_at(from), last = index_at(to - 1), shared = depth;
  if (from + 1 == to) {
    const struct span *value = &values[first];
    return put_string(value->at, value->length) && put_path(first, depth, nibble_count(first), 0x20) && close_list(end);
  }
  while (nibble(first, shared) == nibble(last, shared)) shared++;
  if (shared == depth) return put_branch(from, to, depth);
  uint8_t *branch = top;
  return put_branch(from, to, shared) && refer(branch) && put_path(first, depth, shared, 0) && close_list(end);
}

/* The root of the values; 0 where there are none, or there is no room. */
static const uint8_t *list_root(void) {
  uint8_t *end = top;
  if (value_count == 0 || !put_node(0, value_count, 0)) return 0;
  const uint8_t *root = keccak(top, end - top);
  top = end;
  return root;
}
