/* One call makes one complete bzip2 stream with libbz2, whose memory comes from a block that is reused. */
#include <stddef.h>
#include <stdint.h>
#include "bzlib.h"
#include "codec.h"

enum {
  MAX_INPUT = 900000,
  /* What the format can add at most, as bzlib's manual has it: 1 % and 600 bytes. */
  MAX_OUTPUT = MAX_INPUT + MAX_INPUT / 100 + 600,
  /* libbz2 at level 9, and the buckets of the suffix sort. */
  HEAP_BYTES = 9 * 1024 * 1024
};

static uint8_t input[MAX_INPUT];
static uint8_t output[MAX_OUTPUT];
static _Alignas(16) uint8_t heap[HEAP_BYTES];
static size_t used;

void *malloc(size_t bytes) {
  size_t at = used;
  if (bytes > HEAP_BYTES - at) return 0;
  used = (at + bytes + 15) & ~(size_t)15;
  return heap + at;
}

/* The suffix sort frees what it took last, once for each block of a stream; the rest lives as long as the stream. */
void free(void *bytes) {
  if (bytes) used = (size_t)((uint8_t *)bytes - heap);
}

static void *take(void *opaque, int items, int size) {
  (void)opaque;
  return malloc((size_t)items * (size_t)size);
}

static void keep(void *opaque, void *bytes) {
  (void)opaque;
  (void)bytes;
}

void bz_internal_error(int code) {
  (void)code;
  __builtin_trap();
}

EXPORT("encodeInput") uint8_t *encode_input(void) { return input; }
EXPORT("encodeOutput") uint8_t *encode_output(void) { return output; }

/* Encodes `length` bytes of the input. Returns the length of the output, or an error of libbz2, which is negative. */
EXPORT("encode") int encode(int level, uint32_t length) {
  used = 0;
  bz_stream stream = {0};
  stream.bzalloc = take;
  stream.bzfree = keep;
  int result = BZ2_bzCompressInit(&stream, level, 0, 0);
  if (result != BZ_OK) return result;
  stream.next_in = (char *)input;
  stream.avail_in = length;
  stream.next_out = (char *)output;
  stream.avail_out = MAX_OUTPUT;
  result = BZ2_bzCompress(&stream, BZ_FINISH);
  if (result != BZ_STREAM_END) return result < 0 ? result : BZ_OUTBUFF_FULL;
  return MAX_OUTPUT - (int)stream.avail_out;
}
