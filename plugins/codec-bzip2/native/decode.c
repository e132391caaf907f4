/*
 * A bzip2 decoder that can be stopped and resumed between groups of symbols and between pieces of output.
 *
 * It differs from libbz2's in what costs the time: Huffman codes are looked up in a table, the inverse
 * Burrows-Wheeler transform follows several chains at once, and runs and the checksum are done on blocks of bytes.
 */
#include <stdint.h>
#include <wasm_simd128.h>
#include "codec.h"

enum { NEED_INPUT = 0, OUTPUT = 1, STREAM_END = 2 };
enum { TRUNCATED = -1, NOT_BZIP2 = -2, DAMAGED = -3, BLOCK_CRC = -4, STREAM_CRC = -5, RANDOMISED = -6 };

enum {
  MAX_BLOCK = 900000,
  MAX_CODE_BITS = 20,
  MAX_SYMBOLS = 258,
  MAX_TABLES = 6,
  MAX_SELECTORS = 18002,
  GROUP_SYMBOLS = 50,
  /* What the symbols of one group can take, and what is read ahead of them. */
  GROUP_BYTES = 160,
  /* More than selectors and tables can take when no delta goes back and forth. */
  BLOCK_HEADER_BYTES = 40 * 1024,
  INPUT_BYTES = 128 * 1024,
  LOOKUP_BITS = 10,
  LANES = 8,
  MAX_PIECES = 2048,
  MIN_STEP = 256,
  ROW_MASK = (1 << 20) - 1
};

/* In an entry of `next`: 8 bits of byte, 20 of row, and this where a piece begins. */
#define MARK 0x80000000u

typedef struct {
  uint16_t lookup[1 << LOOKUP_BITS]; /* symbol << 5 | length; 0 for longer codes */
  uint32_t limit[MAX_CODE_BITS + 2]; /* first code after those of this length, left-aligned in 20 bits */
  int32_t offset[MAX_CODE_BITS + 1];
  uint16_t sorted[MAX_SYMBOLS];
} Table;

static enum { AT_STREAM, AT_BLOCK, IN_SYMBOLS, IN_OUTPUT, AT_END } state;

static uint8_t input[INPUT_BYTES + GROUP_BYTES + 16];
static uint32_t filled, wanted;
static uint64_t position; /* in bits */

static uint32_t level, stream_crc, block_crc, expected_crc;
static uint32_t origin;

static Table tables[MAX_TABLES];
static uint8_t selectors[MAX_SELECTORS];
static uint32_t symbols, selector_count, group;
static uint8_t front[256 + 16];
static uint32_t run_length, run_weight;

static uint8_t column[MAX_BLOCK + 32];
static uint8_t plain[MAX_BLOCK + 32];
static uint32_t next[MAX_BLOCK];
static uint32_t length, counts[256];
static uint8_t lanes[LANES][MAX_BLOCK];
static struct {
  uint32_t lane, start, length, follower;
} pieces[MAX_PIECES];

static uint32_t taken, repeat;
static uint8_t repeated;
static uint8_t output[OUTPUT_BYTES + 32];
static uint32_t produced;

static uint32_t crc_tables[8][256];

/* ---- input ---- */

typedef struct {
  uint64_t at, end;
  int overrun;
} Bits;

static uint32_t take(Bits *bits, int count) {
  uint32_t value = 0;
  while (count-- > 0) {
    if (bits->at >= bits->end) {
      bits->overrun = 1;
      return 0;
    }
    value = value << 1 | (input[bits->at >> 3] >> (7 - (bits->at & 7)) & 1);
    bits->at++;
  }
  return value;
}

static uint32_t unread(void) { return filled - (uint32_t)((position + 7) >> 3); }

/* ---- start of a stream ---- */

static int begin_stream(int last) {
  static const char magic[3] = {'B', 'Z', 'h'};
  uint32_t at = (uint32_t)(position >> 3), have = filled - at;
  for (uint32_t i = 0; i < 3 && i < have; i++)
    if (input[at + i] != magic[i]) return NOT_BZIP2;
  if (have < 4) return last ? TRUNCATED : NEED_INPUT;
  level = (uint32_t)input[at + 3] - '0';
  if (level < 1 || level > 9) return NOT_BZIP2;
  position += 32;
  stream_crc = 0;
  wanted = 0;
  state = AT_BLOCK;
  return OUTPUT;
}

/* ---- start of a block ---- */

static int read_symbol_map(Bits *bits) {
  uint32_t groups = take(bits, 16);
  uint32_t used = 0;
  for (int i = 0; i < 16; i++) {
    if (!(groups >> (15 - i) & 1)) continue;
    uint32_t members = take(bits, 16);
    for (int j = 0; j < 16; j++)
      if (members >> (15 - j) & 1) front[used++] = (uint8_t)(i * 16 + j);
  }
  symbols = used + 2;
  return used > 0;
}

static int read_selectors(Bits *bits, uint32_t table_count) {
  uint8_t order[MAX_TABLES] = {0, 1, 2, 3, 4, 5};
  uint32_t stated = take(bits, 15);
  if (stated < 1) return 0;
  for (uint32_t i = 0; i < stated; i++) {
    uint32_t j = 0;
    while (take(bits, 1))
      if (++j >= table_count) return 0;
    if (bits->overrun) return 1;
    uint8_t chosen = order[j];
    for (; j > 0; j--) order[j] = order[j - 1];
    order[0] = chosen;
    /* Some encoders state more than a block can use. */
    if (i < MAX_SELECTORS) selectors[i] = chosen;
  }
  selector_count = stated < MAX_SELECTORS ? stated : MAX_SELECTORS;
  return 1;
}

static int build_table(Table *table, const uint8_t *lengths) {
  uint32_t of_length[MAX_CODE_BITS + 1] = {0};
  for (uint32_t s = 0; s < symbols; s++) of_length[lengths[s]]++;
  uint32_t code = 0, index = 0, first[MAX_CODE_BITS + 1];
  for (int bits = 1; bits <= MAX_CODE_BITS; bits++) {
    first[bits] = index;
    table->offset[bits] = (int32_t)index - (int32_t)code;
    code += of_length[bits];
    index += of_length[bits];
    if (code > 1u << bits) return 0;
    table->limit[bits] = code << (MAX_CODE_BITS - bits);
    code <<= 1;
  }
  for (uint32_t s = 0; s < symbols; s++) table->sorted[first[lengths[s]]++] = (uint16_t)s;
  for (int i = 0; i < 1 << LOOKUP_BITS; i++) table->lookup[i] = 0;
  uint32_t at = 0;
  for (uint32_t k = 0; k < symbols; k++) {
    uint32_t s = table->sorted[k], bits = lengths[s];
    if (bits > LOOKUP_BITS) break;
    for (uint32_t n = 1u << (LOOKUP_BITS - bits); n > 0; n--) table->lookup[at++] = (uint16_t)(s << 5 | bits);
  }
  return 1;
}

static int read_table(Bits *bits, Table *table) {
  uint8_t lengths[MAX_SYMBOLS];
  int32_t current = (int32_t)take(bits, 5);
  for (uint32_t s = 0; s < symbols; s++) {
    for (;;) {
      if (bits->overrun) return 1;
      if (current < 1 || current > MAX_CODE_BITS) return 0;
      if (!take(bits, 1)) break;
      current += take(bits, 1) ? -1 : 1;
    }
    lengths[s] = (uint8_t)current;
  }
  return build_table(table, lengths);
}

/* Returns OUTPUT or an error, which counts only when the bits were not overrun. */
static int read_block_header(Bits *bits) {
  expected_crc = take(bits, 32);
  /* Only bzip2 before 1.0 made these. */
  if (take(bits, 1)) return RANDOMISED;
  origin = take(bits, 24);
  if (!read_symbol_map(bits)) return DAMAGED;
  uint32_t table_count = take(bits, 3);
  if (table_count < 2 || table_count > MAX_TABLES) return DAMAGED;
  if (!read_selectors(bits, table_count)) return DAMAGED;
  for (uint32_t t = 0; t < table_count && !bits->overrun; t++)
    if (!read_table(bits, &tables[t])) return DAMAGED;
  return OUTPUT;
}

static void start_symbols(void) {
  for (int i = 0; i < 256; i++) counts[i] = 0;
  length = group = 0;
  run_length = 0;
  run_weight = 1;
  block_crc = 0xffffffff;
  state = IN_SYMBOLS;
}

static int starved(int last) {
  if (last) return TRUNCATED;
  if (unread() >= BLOCK_HEADER_BYTES) return DAMAGED;
  /* Growing steps: a source of single bytes must not make this parse again for each. */
  wanted = unread() + unread() / 2 + 16;
  return NEED_INPUT;
}

static int begin_block(int last) {
  if (!last && unread() < wanted && unread() < BLOCK_HEADER_BYTES) return NEED_INPUT;
  Bits bits = {position, (uint64_t)filled * 8, 0};
  uint32_t high = take(&bits, 24), low = take(&bits, 24);
  if (bits.overrun) return starved(last);
  if (high == 0x177245 && low == 0x385090) {
    uint32_t stated = take(&bits, 32);
    if (bits.overrun) return starved(last);
    if (stated != stream_crc) return STREAM_CRC;
    position = (bits.at + 7) & ~(uint64_t)7;
    state = AT_END;
    return STREAM_END;
  }
  if (high != 0x314159 || low != 0x265359) return DAMAGED;
  int result = read_block_header(&bits);
  if (bits.overrun) return starved(last);
  if (result < 0) return result;
  position = bits.at;
  wanted = 0;
  start_symbols();
  return OUTPUT;
}

/* ---- symbols of a block ---- */

/* Ends a run of the byte in front; the column has room for what a store of 16 bytes passes the end by. */
static inline int flush_run(uint32_t limit) {
  if (run_length == 0) return 1;
  if (run_length > limit - length) return 0;
  v128_t bytes = wasm_i8x16_splat((int8_t)front[0]);
  for (uint32_t i = 0; i < run_length; i += 16) wasm_v128_store(column + length + i, bytes);
  length += run_length;
  counts[front[0]] += run_length;
  run_length = 0;
  run_weight = 1;
  return 1;
}

static inline uint8_t to_front(uint32_t i) {
  uint8_t byte = front[i];
  if (i < 16) {
    for (; i > 0; i--) front[i] = front[i - 1];
  } else {
    __builtin_memmove(front + 1, front, i);
  }
  front[0] = byte;
  return byte;
}

static inline int32_t long_code(const Table *table, uint32_t window, uint32_t *bits) {
  uint32_t length_of = LOOKUP_BITS + 1;
  while (length_of <= MAX_CODE_BITS && window >= table->limit[length_of]) length_of++;
  if (length_of > MAX_CODE_BITS) return -1;
  *bits = length_of;
  return table->sorted[(int32_t)(window >> (MAX_CODE_BITS - length_of)) + table->offset[length_of]];
}

/* One group of at most 50 symbols. Returns OUTPUT, STREAM_END behind the end-of-block symbol, or an error. */
static int read_group(void) {
  const Table *table = &tables[selectors[group]];
  const uint32_t limit = level * 100000, end_symbol = symbols - 1;
  const uint8_t *from = input + (position >> 3);
  uint64_t window = 0;
  int live = 0;
  int skip = (int)(position & 7);
  for (int i = 0; i < GROUP_SYMBOLS; i++) {
    if (live < MAX_CODE_BITS + 7) {
      uint32_t four = (uint32_t)from[0] << 24 | (uint32_t)from[1] << 16 | (uint32_t)from[2] << 8 | from[3];
      window |= (uint64_t)four << (32 - live);
      from += 4;
      live += 32;
      if (skip) {
        window <<= skip;
        live -= skip;
        skip = 0;
      }
    }
    uint32_t entry = table->lookup[window >> (64 - LOOKUP_BITS)];
    uint32_t bits = entry & 31, symbol = entry >> 5;
    if (entry == 0) {
      int32_t found = long_code(table, (uint32_t)(window >> (64 - MAX_CODE_BITS)), &bits);
      if (found < 0) return DAMAGED;
      symbol = (uint32_t)found;
    }
    window <<= bits;
    live -= (int)bits;
    if (symbol <= 1) {
      /* A weight that large passes any block, and a further doubling could wrap around. */
      if (run_weight > 1 << 21) return DAMAGED;
      run_length += run_weight << symbol;
      run_weight <<= 1;
      continue;
    }
    if (!flush_run(limit)) return DAMAGED;
    if (symbol == end_symbol) {
      position = (uint64_t)(from - input) * 8 - (uint64_t)live;
      return STREAM_END;
    }
    if (length >= limit) return DAMAGED;
    uint8_t byte = to_front(symbol - 1);
    column[length++] = byte;
    counts[byte]++;
  }
  position = (uint64_t)(from - input) * 8 - (uint64_t)live;
  return OUTPUT;
}

static void invert(void);

static int read_symbols(int last) {
  if (last)
    for (int i = 0; i < GROUP_BYTES; i++) input[filled + i] = 0;
  for (;;) {
    if (!last && unread() < GROUP_BYTES) return NEED_INPUT;
    if (group >= selector_count) return DAMAGED;
    int result = read_group();
    group++;
    if (result < 0) return result;
    if (position > (uint64_t)filled * 8) return TRUNCATED;
    if (result != STREAM_END) continue;
    if (origin >= length) return DAMAGED;
    invert();
    taken = repeat = 0;
    state = IN_OUTPUT;
    return OUTPUT;
  }
}

/* ---- inverse Burrows-Wheeler transform ---- */

/*
 * The rows of the transform form a chain, and its next link is nearly always a miss of the caches. So the chain is cut
 * at evenly spaced rows, which lie anywhere along it, and several pieces are followed at once: their misses overlap.
 */

/* Enters each row's byte and successor; a successor that begins a piece is marked. Returns the first such row. */
static uint32_t link_rows(uint32_t step) {
  uint32_t at[256], sum = 0;
  for (int c = 0; c < 256; c++) {
    at[c] = sum;
    sum += counts[c];
  }
  uint32_t first = origin % step;
  for (uint32_t i = 0, mark = first; i < length; mark += step) {
    for (; i < mark && i < length; i++) next[at[column[i]]++] = i << 8 | column[i];
    if (i < length) {
      next[at[column[i]]++] = MARK | i << 8 | column[i];
      i++;
    }
  }
  return first;
}

static inline void end_piece(uint32_t piece, uint32_t at, uint32_t follower) {
  pieces[piece].length = at - pieces[piece].start;
  pieces[piece].follower = follower;
}

static inline void begin_piece(uint32_t piece, uint32_t lane, uint32_t at) {
  pieces[piece].lane = lane;
  pieces[piece].start = at;
}

static void follow_piece(uint32_t piece, uint32_t row, uint32_t lane, uint32_t at, uint32_t first, uint32_t step) {
  uint32_t entry;
  do {
    entry = next[row];
    lanes[lane][at++] = (uint8_t)entry;
    row = entry >> 8 & ROW_MASK;
  } while (!(entry & MARK));
  end_piece(piece, at, (row - first) / step);
}

#define FOLLOW(lane)                                               \
  entry = next[row##lane];                                         \
  lanes[lane][at] = (uint8_t)entry;                                \
  row##lane = entry >> 8 & ROW_MASK;                               \
  if (entry & MARK) {                                              \
    end_piece(current[lane], at + 1, (row##lane - first) / step);  \
    if (begun == count) {                                          \
      stopped = lane;                                              \
      break;                                                       \
    }                                                              \
    begin_piece(begun, lane, at + 1);                              \
    current[lane] = begun;                                         \
    row##lane = first + begun++ * step;                            \
  }

static void follow_lanes(uint32_t count, uint32_t first, uint32_t step) {
  uint32_t row0 = first, row1 = first + step, row2 = row1 + step, row3 = row2 + step;
  uint32_t row4 = row3 + step, row5 = row4 + step, row6 = row5 + step, row7 = row6 + step;
  uint32_t current[LANES], begun = LANES, at = 0, entry, stopped;
  for (uint32_t lane = 0; lane < LANES; lane++) {
    current[lane] = lane;
    begin_piece(lane, lane, 0);
  }
  for (;; at++) {
    FOLLOW(0) FOLLOW(1) FOLLOW(2) FOLLOW(3) FOLLOW(4) FOLLOW(5) FOLLOW(6) FOLLOW(7)
  }
  /* All pieces are begun; lanes before the one that stopped have made this step. */
  uint32_t rows[LANES] = {row0, row1, row2, row3, row4, row5, row6, row7};
  for (uint32_t lane = 0; lane < LANES; lane++)
    if (lane != stopped) follow_piece(current[lane], rows[lane], lane, at + (lane < stopped), first, step);
}

/* Puts the pieces in order. A block that repeats a word is a chain that comes back to its origin before the end. */
static void join_pieces(uint32_t piece) {
  for (uint32_t at = 0; at < length; piece = pieces[piece].follower) {
    uint32_t count = pieces[piece].length, left = length - at;
    if (count > left) count = left;
    __builtin_memcpy(plain + at, lanes[pieces[piece].lane] + pieces[piece].start, count);
    at += count;
  }
}

static void invert(void) {
  uint32_t step = length / MAX_PIECES + 1;
  if (step < MIN_STEP) step = MIN_STEP;
  uint32_t first = link_rows(step);
  uint32_t count = (length - first + step - 1) / step;
  if (count >= LANES) {
    follow_lanes(count, first, step);
  } else {
    for (uint32_t piece = 0; piece < count; piece++) {
      begin_piece(piece, 0, piece == 0 ? 0 : pieces[piece - 1].start + pieces[piece - 1].length);
      follow_piece(piece, first + piece * step, 0, pieces[piece].start, first, step);
    }
  }
  join_pieces(origin / step);
}

/* ---- output ---- */

static void make_crc_tables(void) {
  for (uint32_t i = 0; i < 256; i++) {
    uint32_t value = i << 24;
    for (int bit = 0; bit < 8; bit++) value = value & 0x80000000 ? value << 1 ^ 0x04c11db7 : value << 1;
    crc_tables[0][i] = value;
  }
  for (int t = 1; t < 8; t++)
    for (uint32_t i = 0; i < 256; i++) {
      uint32_t value = crc_tables[t - 1][i];
      crc_tables[t][i] = value << 8 ^ crc_tables[0][value >> 24];
    }
}

static uint32_t crc_of(uint32_t value, const uint8_t *bytes, uint32_t count) {
  for (; count >= 8; count -= 8, bytes += 8) {
    value = crc_tables[7][bytes[0] ^ value >> 24] ^ crc_tables[6][bytes[1] ^ (value >> 16 & 255)] ^
            crc_tables[5][bytes[2] ^ (value >> 8 & 255)] ^ crc_tables[4][bytes[3] ^ (value & 255)] ^
            crc_tables[3][bytes[4]] ^ crc_tables[2][bytes[5]] ^ crc_tables[1][bytes[6]] ^ crc_tables[0][bytes[7]];
  }
  for (; count > 0; count--) value = value << 8 ^ crc_tables[0][value >> 24 ^ *bytes++];
  return value;
}

/* Where the next four equal bytes begin, or `end`. */
static uint32_t next_run(uint32_t from, uint32_t end) {
  for (; from < end; from += 16) {
    const uint8_t *at = plain + from;
    v128_t second = wasm_v128_load(at + 1), third = wasm_v128_load(at + 2);
    v128_t equal = wasm_v128_and(wasm_i8x16_eq(wasm_v128_load(at), second),
                                 wasm_v128_and(wasm_i8x16_eq(second, third),
                                               wasm_i8x16_eq(third, wasm_v128_load(at + 3))));
    uint32_t mask = wasm_i8x16_bitmask(equal);
    if (mask) {
      from += (uint32_t)__builtin_ctz(mask);
      return from < end ? from : end;
    }
  }
  return end;
}

static void copy(uint32_t count) {
  const uint8_t *from = plain + taken;
  uint8_t *to = output + produced;
  for (uint32_t i = 0; i < count; i += 16) wasm_v128_store(to + i, wasm_v128_load(from + i));
  taken += count;
  produced += count;
}

static void fill(void) {
  uint32_t room = OUTPUT_BYTES - produced, count = repeat < room ? repeat : room;
  v128_t bytes = wasm_i8x16_splat((int8_t)repeated);
  for (uint32_t i = 0; i < count; i += 16) wasm_v128_store(output + produced + i, bytes);
  produced += count;
  repeat -= count;
}

/*
 * Writes until the output is full or the block over. A run that begins before the output is full is begun there and
 * may pass the end by three bytes, so that a call never starts inside of one.
 */
static int write_block(void) {
  while (produced < OUTPUT_BYTES) {
    if (repeat > 0) {
      fill();
      continue;
    }
    if (taken == length) break;
    uint32_t room = OUTPUT_BYTES - produced;
    uint32_t end = length - taken < room ? length : taken + room;
    /* A run takes four bytes and its count. */
    uint32_t last = length < 4 ? 0 : length - 3;
    uint32_t run = next_run(taken, end < last ? end : last);
    if (run >= (end < last ? end : last)) {
      copy(end - taken);
      continue;
    }
    if (run + 4 >= length) return DAMAGED;
    repeated = plain[run];
    repeat = plain[run + 4];
    copy(run + 4 - taken);
    taken++;
  }
  return OUTPUT;
}

static int write_output(void) {
  uint32_t before = produced;
  if (write_block() < 0) return DAMAGED;
  block_crc = crc_of(block_crc, output + before, produced - before);
  if (taken < length || repeat > 0) return OUTPUT;
  block_crc = ~block_crc;
  if (block_crc != expected_crc) return BLOCK_CRC;
  stream_crc = (stream_crc << 1 | stream_crc >> 31) ^ block_crc;
  state = AT_BLOCK;
  return OUTPUT;
}

/* ---- what the glue calls ---- */

EXPORT("decodeReset") void decode_reset(void) {
  if (!crc_tables[0][1]) make_crc_tables();
  filled = produced = wanted = 0;
  position = 0;
  state = AT_STREAM;
}

/* Begins the stream behind the one that has ended. */
EXPORT("decodeNext") void decode_next(void) { state = AT_STREAM; }

/* Where the next input goes; drops what was read. */
EXPORT("decodeRoom") uint8_t *decode_room(void) {
  uint32_t read = (uint32_t)(position >> 3);
  if (read > filled) read = filled;
  __builtin_memmove(input, input + read, filled - read);
  filled -= read;
  position -= (uint64_t)read * 8;
  return input + filled;
}
EXPORT("decodeRoomBytes") uint32_t decode_room_bytes(void) { return INPUT_BYTES - filled; }
EXPORT("decodeAdded") void decode_added(uint32_t count) { filled += count; }
EXPORT("decodeUnread") uint32_t decode_unread(void) { return unread(); }
EXPORT("decodeOutput") uint8_t *decode_output(void) { return output; }
EXPORT("decodeProduced") uint32_t decode_produced(void) { return produced; }

/*
 * Goes on until there is output, the input is used up (`last` says that no more comes), the stream ends or is found
 * damaged. Each call does at most one block's worth of work. Output of an earlier call is overwritten.
 */
EXPORT("decodeRun") int decode_run(int last) {
  produced = 0;
  for (;;) {
    int result;
    switch (state) {
      case AT_STREAM: result = begin_stream(last); break;
      case AT_BLOCK: result = begin_block(last); break;
      case IN_SYMBOLS: result = read_symbols(last); break;
      case IN_OUTPUT: result = write_output(); break;
      default: return STREAM_END;
    }
    if (result != OUTPUT) return result;
    if (produced > 0) return OUTPUT;
  }
}
