/* Transactions of the types 0 to 4: what ../body/envelope.ts and ../body/transactions.ts say. Needs arrays.h. */

enum {
  TYPE, TRANSACTION_HASH, BLOCK_HASH, BLOCK_NUMBER, TRANSACTION_INDEX, CHAIN_ID, ACCOUNT_NONCE, GAS_PRICE, PRIORITY_FEE,
  MAX_FEE, GAS, TO, VALUE, INPUT, INPUT_AS_DATA, ACCESS_LIST, BLOB_FEE, BLOB_HASHES, AUTHORIZATIONS, V, PARITY, R, S,
  TRANSACTION_FIELDS
};

static const struct field TRANSACTION[TRANSACTION_FIELDS] = {
  FIELD("type", QUANTITY), FIELD("hash", 32), FIELD("blockHash", 32), FIELD("blockNumber", QUANTITY),
  FIELD("transactionIndex", QUANTITY), FIELD("chainId", QUANTITY), FIELD("nonce", QUANTITY), FIELD("gasPrice", QUANTITY),
  FIELD("maxPriorityFeePerGas", QUANTITY), FIELD("maxFeePerGas", QUANTITY), FIELD("gas", QUANTITY), FIELD("to", 20),
  FIELD("value", QUANTITY), FIELD("input", DATA), FIELD("data", DATA), FIELD("accessList", DATA),
  FIELD("maxFeePerBlobGas", QUANTITY), FIELD("blobVersionedHashes", DATA), FIELD("authorizationList", DATA),
  FIELD("v", QUANTITY), FIELD("yParity", QUANTITY), FIELD("r", QUANTITY), FIELD("s", QUANTITY),
};

enum { ADDRESS, STORAGE_KEYS, ACCESS_FIELDS };
static const struct field ACCESS[ACCESS_FIELDS] = { FIELD("address", 20), FIELD("storageKeys", DATA) };

enum { FOR_CHAIN, FOR_ADDRESS, FOR_NONCE, FOR_V, FOR_PARITY, FOR_R, FOR_S, AUTHORIZATION_FIELDS };
static const struct field AUTHORIZATION[AUTHORIZATION_FIELDS] = {
  FIELD("chainId", QUANTITY), FIELD("address", 20), FIELD("nonce", QUANTITY), FIELD("v", QUANTITY),
  FIELD("yParity", QUANTITY), FIELD("r", QUANTITY), FIELD("s", QUANTITY),
};

static inline int is_same_text(struct value a, struct value b) {
  uint32_t length = a.end - a.at;
  return length == (uint32_t)(b.end - b.at) && is_same(a.at, b.at, length);
}

/* Some nodes pad a signature's numbers to 32 bytes. */
static int put_signature_part(struct value value) {
  if (!is_hex(value) || value.end - value.at != 2 * HASH_BYTES + 4) return put(value, QUANTITY);
  const uint8_t *end = top;
  place digits = value.at + 3, last = value.end - 1;
  while (digits < last && digits[0] == '0' && digits[1] == '0') digits += 2;
  if (!put_digits(digits, last - digits)) return 0;
  close_string(end);
  return 1;
}

/* `v` says the same in the types that have `yParity`; older nodes have `v` alone. */
static int put_parity(struct value parity, struct value v) {
  if (!is_present(parity)) return put(v, QUANTITY);
  return (!is_present(v) || is_same_text(parity, v)) && put(parity, QUANTITY);
}

/* Some nodes call it `data`, some write both. */
static int put_input(struct value input, struct value data) {
  if (input.at == 0) return put(data, DATA);
  return (data.at == 0 || is_same_text(input, data)) && put(input, DATA);
}

static int put_hash(struct value element) { return put(element, HASH_BYTES); }

static int put_access(struct value element) {
  const uint8_t *end = top;
  struct value found[ACCESS_FIELDS];
  if (!find_in(element.at, ACCESS, ACCESS_FIELDS, found)) return 0;
  if (!(is_present(found[STORAGE_KEYS]) ? put_list(found[STORAGE_KEYS], put_hash) : close_list(top))) return 0;
  return put(found[ADDRESS], 20) && close_list(end);
}

static int put_authorization(struct value element) {
  const uint8_t *end = top;
  struct value found[AUTHORIZATION_FIELDS];
  return find_in(element.at, AUTHORIZATION, AUTHORIZATION_FIELDS, found) && put_signature_part(found[FOR_S]) &&
         put_signature_part(found[FOR_R]) && put_parity(found[FOR_PARITY], found[FOR_V]) && put(found[FOR_NONCE], QUANTITY) &&
         put(found[FOR_ADDRESS], 20) && put(found[FOR_CHAIN], QUANTITY) && close_list(end);
}

static int put_signature(const struct value *found, int64_t type) {
  return put_signature_part(found[S]) && put_signature_part(found[R]) &&
         (type == 0 ? put(found[V], QUANTITY) : put_parity(found[PARITY], found[V]));
}

/* What types append to a call; nodes may leave an empty access list out. */
static int put_additions(const struct value *found, int64_t type) {
  if (type == 0) return 1;
  if (type == 3 && !(put_list(found[BLOB_HASHES], put_hash) && put(found[BLOB_FEE], QUANTITY))) return 0;
  if (type == 4 && !put_list(found[AUTHORIZATIONS], put_authorization)) return 0;
  return is_present(found[ACCESS_LIST]) ? put_list(found[ACCESS_LIST], put_access) : close_list(top);
}

/* The receiver; nothing where the transaction makes a contract. */
static int put_call(const struct value *found) {
  return put_input(found[INPUT], found[INPUT_AS_DATA]) && put(found[VALUE], QUANTITY) &&
         (is_present(found[TO]) ? put(found[TO], 20) : put_string(top, 0)) && put(found[GAS], QUANTITY);
}

static int put_fees(const struct value *found, int64_t type) {
  return (type < 2 ? put(found[GAS_PRICE], QUANTITY) : put(found[MAX_FEE], QUANTITY) && put(found[PRIORITY_FEE], QUANTITY)) &&
         put(found[ACCOUNT_NONCE], QUANTITY) && (type == 0 || put(found[CHAIN_ID], QUANTITY));
}

static int put_envelope(const struct value *found, int64_t type) {
  const uint8_t *end = top;
  uint8_t mark = (uint8_t)type;
  return put_signature(found, type) && put_additions(found, type) && put_call(found) && put_fees(found, type) &&
         close_list(end) && (type == 0 || put_bytes(&mark, 1));
}

/* Where a transaction stands. */
struct position {
  struct value hash;
  int64_t height, index;
};

static int is_in_place(const struct value *found, const struct position *at) {
  if (is_present(found[BLOCK_HASH]) && !is_same_text(found[BLOCK_HASH], at->hash)) return 0;
  if (is_present(found[BLOCK_NUMBER]) && number_of(found[BLOCK_NUMBER]) != at->height) return 0;
  return !is_present(found[TRANSACTION_INDEX]) || number_of(found[TRANSACTION_INDEX]) == at->index;
}

/* Nodes from before there were types leave the type out. */
static int put_transaction(struct value element, const struct position *at) {
  const uint8_t *end = top;
  struct value found[TRANSACTION_FIELDS];
  if (!find_in(element.at, TRANSACTION, TRANSACTION_FIELDS, found)) return 0;
  int64_t type = found[TYPE].at == 0 ? 0 : number_of(found[TYPE]);
  if (type < 0 || type > 4 || !put_envelope(found, type) || !is_in_place(found, at)) return 0;
  return found[TRANSACTION_HASH].at == 0 || is_hash(found[TRANSACTION_HASH], keccak(top, end - top));
}
