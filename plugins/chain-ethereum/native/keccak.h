/* Keccak-256 as Ethereum has it: the sponge of the Keccak submission (version 3.0), with its own padding, not that of SHA-3. */
#include <stdint.h>

enum { HASH_BYTES = 32, RATE_BYTES = 136, LANES_IN_STATE = 25, ROUNDS = 24 };

static const uint64_t ROUND_CONSTANTS[ROUNDS] = {
  0x0000000000000001, 0x0000000000008082, 0x800000000000808a, 0x8000000080008000, 0x000000000000808b, 0x0000000080000001,
  0x8000000080008081, 0x8000000000008009, 0x000000000000008a, 0x0000000000000088, 0x0000000080008009, 0x000000008000000a,
  0x000000008000808b, 0x800000000000008b, 0x8000000000008089, 0x8000000000008003, 0x8000000000008002, 0x8000000000000080,
  0x000000000000800a, 0x800000008000000a, 0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008,
};

struct sponge {
  uint64_t state[LANES_IN_STATE];
  /* Bytes of the block that is being filled. */
  uint32_t filled;
};

static inline uint64_t rotated(uint64_t lane, int by) { return by == 0 ? lane : lane << by | lane >> (64 - by); }

/* Where lane (x, y) goes, and by how much it is turned: rho and pi in one step. */
#define MOVED(x, y, by) moved[(y) + 5 * ((2 * (x) + 3 * (y)) % 5)] = rotated(lanes[(x) + 5 * (y)] ^ mixed[x], by)

static void permute(uint64_t *state) {
  uint64_t lanes[LANES_IN_STATE], moved[LANES_IN_STATE], parity[5], mixed[5];
#pragma clang loop unroll(full)
  for (int i = 0; i < LANES_IN_STATE; i++) lanes[i] = state[i];
#pragma clang loop unroll(disable)
  for (int round = 0; round < ROUNDS; round++) {
#pragma clang loop unroll(full)
    for (int x = 0; x < 5; x++)
      parity[x] = lanes[x] ^ lanes[x + 5] ^ lanes[x + 10] ^ lanes[x + 15] ^ lanes[x + 20];
#pragma clang loop unroll(full)
    for (int x = 0; x < 5; x++) mixed[x] = parity[(x + 4) % 5] ^ rotated(parity[(x + 1) % 5], 1);
    MOVED(0, 0, 0), MOVED(1, 0, 1), MOVED(2, 0, 62), MOVED(3, 0, 28), MOVED(4, 0, 27);
    MOVED(0, 1, 36), MOVED(1, 1, 44), MOVED(2, 1, 6), MOVED(3, 1, 55), MOVED(4, 1, 20);
    MOVED(0, 2, 3), MOVED(1, 2, 10), MOVED(2, 2, 43), MOVED(3, 2, 25), MOVED(4, 2, 39);
    MOVED(0, 3, 41), MOVED(1, 3, 45), MOVED(2, 3, 15), MOVED(3, 3, 21), MOVED(4, 3, 8);
    MOVED(0, 4, 18), MOVED(1, 4, 2), MOVED(2, 4, 61), MOVED(3, 4, 56), MOVED(4, 4, 14);
#pragma clang loop unroll(full)
    for (int i = 0; i < LANES_IN_STATE; i++)
      lanes[i] = moved[i] ^ (~moved[i / 5 * 5 + (i + 1) % 5] & moved[i / 5 * 5 + (i + 2) % 5]);
    lanes[0] ^= ROUND_CONSTANTS[round];
  }
#pragma clang loop unroll(full)
  for (int i = 0; i < LANES_IN_STATE; i++) state[i] = lanes[i];
}

static void begin(struct sponge *sponge) {
  for (int i = 0; i < LANES_IN_STATE; i++) sponge->state[i] = 0;
  sponge->filled = 0;
}

static void absorb(struct sponge *sponge, const uint8_t *bytes, uint32_t length) {
  uint8_t *state = (uint8_t *)sponge->state;
  uint32_t filled = sponge->filled;
  while (length > 0) {
    if (filled == 0 && length >= RATE_BYTES) {
      uint64_t words[RATE_BYTES / 8];
      __builtin_memcpy(words, bytes, RATE_BYTES);
      for (int i = 0; i < RATE_BYTES / 8; i++) sponge->state[i] ^= words[i];
      bytes += RATE_BYTES, length -= RATE_BYTES;
    } else {
      state[filled++] ^= *bytes++, length--;
      if (filled < RATE_BYTES) continue;
      filled = 0;
    }
    permute(sponge->state);
  }
  sponge->filled = filled;
}

/* The hash is then at the beginning of the state. */
static const uint8_t *finished(struct sponge *sponge) {
  uint8_t *state = (uint8_t *)sponge->state;
  state[sponge->filled] ^= 0x01;
  state[RATE_BYTES - 1] ^= 0x80;
  permute(sponge->state);
  return state;
}

static struct sponge sponge;

/* The hash of some bytes; it stays until the next one. */
static const uint8_t *keccak(const uint8_t *bytes, uint32_t length) {
  begin(&sponge);
  absorb(&sponge, bytes, length);
  return finished(&sponge);
}
