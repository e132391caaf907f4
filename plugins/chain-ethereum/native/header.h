/* Headers, from Frontier to Prague: what ../header.ts says. Needs values.h. */

enum {
  HASH, PARENT_HASH, UNCLES_HASH, MINER, STATE_ROOT, TRANSACTIONS_ROOT, RECEIPTS_ROOT, LOGS_BLOOM, DIFFICULTY, NUMBER,
  GAS_LIMIT, GAS_USED, TIMESTAMP, EXTRA_DATA, MIX_HASH, NONCE,
  BASE_FEE, WITHDRAWALS_ROOT, BLOB_GAS, EXCESS_BLOB_GAS, BEACON_ROOT, REQUESTS_HASH, HEADER_FIELDS,
  UNCLES = HEADER_FIELDS, TRANSACTIONS, WITHDRAWALS, RESULT, BLOCK_FIELDS
};

/* In the order of their encoding, which `hash` is no part of. A block has no `result`, but is refused where it has two. */
static const struct field BLOCK[BLOCK_FIELDS] = {
  FIELD("hash", 32), FIELD("parentHash", 32), FIELD("sha3Uncles", 32), FIELD("miner", 20), FIELD("stateRoot", 32),
  FIELD("transactionsRoot", 32), FIELD("receiptsRoot", 32), FIELD("logsBloom", 256), FIELD("difficulty", QUANTITY),
  FIELD("number", QUANTITY), FIELD("gasLimit", QUANTITY), FIELD("gasUsed", QUANTITY), FIELD("timestamp", QUANTITY),
  FIELD("extraData", DATA), FIELD("mixHash", 32), FIELD("nonce", 8),
  FIELD("baseFeePerGas", QUANTITY), FIELD("withdrawalsRoot", 32), FIELD("blobGasUsed", QUANTITY),
  FIELD("excessBlobGas", QUANTITY), FIELD("parentBeaconBlockRoot", 32), FIELD("requestsHash", 32),
  FIELD("uncles", DATA), FIELD("transactions", DATA), FIELD("withdrawals", DATA),
  FIELD("result", DATA),
};

/* How many fields London, Shanghai, Cancun and Prague appended: those of a fork only together, and with those before. */
static const uint32_t FORKS[] = { 1, 1, 3, 1 };

/* How many fields are encoded, `hash` included; 0 when some of a fork are missing. */
static uint32_t fields_of(const struct value *found) {
  uint32_t all = BASE_FEE, next = BASE_FEE;
  for (uint32_t fork = 0; fork < sizeof FORKS / sizeof *FORKS; fork++) {
    uint32_t present = 0;
    for (uint32_t i = 0; i < FORKS[fork]; i++) present += is_present(found[next + i]);
    if (present > 0 && (present < FORKS[fork] || all < next)) return 0;
    all += present, next += FORKS[fork];
  }
  return all;
}

static int put_header(const struct value *found) {
  const uint8_t *end = top;
  uint32_t fields = fields_of(found);
  for (uint32_t i = fields; i > PARENT_HASH; i--)
    if (!put(found[i - 1], BLOCK[i - 1].form)) return 0;
  return fields > 0 && close_list(end);
}

/* An uncle: the header of a competing block. */
static int put_uncle(struct value element) {
  const uint8_t *end = top;
  struct value found[HEADER_FIELDS];
  if (!find_in(element.at, BLOCK, HEADER_FIELDS, found) || !put_header(found)) return 0;
  return found[HASH].at == 0 || is_hash(found[HASH], keccak(top, end - top));
}
