/**
 * What a field of a message holds. `bytes` may name the message that it is the encoding of, which JSON then has decoded;
 * `map` is taken only if it is empty: the order of its entries is nowhere in JSON.
 */
export type Kind =
  | 'int'
  | 'bool'
  | 'string'
  | 'time'
  | 'map'
  | { readonly names: readonly string[] }
  | { readonly bytes: MessageName | null }
  | { readonly message: MessageName };

/** A field of a message. */
export interface FieldForm {
  readonly field: number;
  readonly name: string;
  readonly kind: Kind;
  readonly repeated: boolean;
}

/** What stands in the table below: `3 timestamp time`; with a `*` behind the name for a repeated field. */
const BYTES = /^bytes(?:<(\w+)>)?$/;

/** The messages of a transaction (fabric-protos, `common`, `peer`, `msp` and `ledger/rwset`), by ascending fields. */
const TABLE = {
  Envelope: ['1 payload bytes<Payload>', '2 signature bytes'],
  Payload: ['1 header Header', '2 data bytes<Transaction>'],
  Header: ['1 channel_header bytes<ChannelHeader>', '2 signature_header bytes<SignatureHeader>'],
  ChannelHeader: [
    '1 type int',
    '2 version int',
    '3 timestamp time',
    '4 channel_id string',
    '5 tx_id string',
    '6 epoch int',
    '7 extension bytes<ChaincodeHeaderExtension>',
    '8 tls_cert_hash bytes',
  ],
  ChaincodeHeaderExtension: ['2 chaincode_id ChaincodeID'],
  SignatureHeader: ['1 creator bytes<SerializedIdentity>', '2 nonce bytes'],
  SerializedIdentity: ['1 mspid string', '2 id_bytes bytes'],
  Transaction: ['1 actions* TransactionAction'],
  TransactionAction: ['1 header bytes<SignatureHeader>', '2 payload bytes<ChaincodeActionPayload>'],
  ChaincodeActionPayload: [
    '1 chaincode_proposal_payload bytes<ChaincodeProposalPayload>',
    '2 action ChaincodeEndorsedAction',
  ],
  ChaincodeProposalPayload: ['1 input bytes<ChaincodeInvocationSpec>', '2 TransientMap map'],
  ChaincodeInvocationSpec: ['1 chaincode_spec ChaincodeSpec'],
  ChaincodeSpec: [
    '1 type UNDEFINED|GOLANG|NODE|CAR|JAVA',
    '2 chaincode_id ChaincodeID',
    '3 input ChaincodeInput',
    '4 timeout int',
  ],
  ChaincodeInput: ['1 args* bytes', '2 decorations map', '3 is_init bool'],
  ChaincodeID: ['1 path string', '2 name string', '3 version string'],
  ChaincodeEndorsedAction: [
    '1 proposal_response_payload bytes<ProposalResponsePayload>',
    '2 endorsements* Endorsement',
  ],
  Endorsement: ['1 endorser bytes<SerializedIdentity>', '2 signature bytes'],
  ProposalResponsePayload: ['1 proposal_hash bytes', '2 extension bytes<ChaincodeAction>'],
  ChaincodeAction: [
    '1 results bytes<TxReadWriteSet>',
    '2 events bytes<ChaincodeEvent>',
    '3 response Response',
    '4 chaincode_id ChaincodeID',
  ],
  ChaincodeEvent: ['1 chaincode_id string', '2 tx_id string', '3 event_name string', '4 payload bytes'],
  Response: ['1 status int', '2 message string', '3 payload bytes'],
  TxReadWriteSet: ['1 data_model KV', '2 ns_rwset* NsReadWriteSet'],
  NsReadWriteSet: [
    '1 namespace string',
    '2 rwset bytes<KVRWSet>',
    '3 collection_hashed_rwset* CollectionHashedReadWriteSet',
  ],
  CollectionHashedReadWriteSet: [
    '1 collection_name string',
    '2 hashed_rwset bytes<HashedRWSet>',
    '3 pvt_rwset_hash bytes',
  ],
  KVRWSet: [
    '1 reads* KVRead',
    '2 range_queries_info* RangeQueryInfo',
    '3 writes* KVWrite',
    '4 metadata_writes* KVMetadataWrite',
  ],
  HashedRWSet: [
    '1 hashed_reads* KVReadHash',
    '2 hashed_writes* KVWriteHash',
    '3 metadata_writes* KVMetadataWriteHash',
  ],
  KVRead: ['1 key string', '2 version Version'],
  KVWrite: ['1 key string', '2 is_delete bool', '3 value bytes'],
  KVMetadataWrite: ['1 key string', '2 entries* KVMetadataEntry'],
  KVReadHash: ['1 key_hash bytes', '2 version Version'],
  KVWriteHash: ['1 key_hash bytes', '2 is_delete bool', '3 value_hash bytes', '4 is_purge bool'],
  KVMetadataWriteHash: ['1 key_hash bytes', '2 entries* KVMetadataEntry'],
  KVMetadataEntry: ['1 name string', '2 value bytes'],
  Version: ['1 block_num int', '2 tx_num int'],
  RangeQueryInfo: [
    '1 start_key string',
    '2 end_key string',
    '3 itr_exhausted bool',
    '4 raw_reads QueryReads',
    '5 reads_merkle_hashes QueryReadsMerkleSummary',
  ],
  QueryReads: ['1 kv_reads* KVRead'],
  QueryReadsMerkleSummary: ['1 max_degree int', '2 max_level int', '3 max_level_hashes* bytes'],
} as const;

/** Names of the messages of a transaction. */
export type MessageName = keyof typeof TABLE;

/** The fields of each message, in ascending order. */
export const MESSAGES: ReadonlyMap<string, readonly FieldForm[]> = new Map(
  Object.entries(TABLE).map(([name, lines]) => [name, lines.map(fieldForm)]),
);

function fieldForm(line: string): FieldForm {
  const [field = '', name = '', kind = ''] = line.split(' ');
  return {
    field: Number(field),
    name: name.replace('*', ''),
    kind: kindOf(kind),
    repeated: name.endsWith('*'),
  };
}

function kindOf(text: string): Kind {
  if (text === 'int' || text === 'bool' || text === 'string' || text === 'time' || text === 'map')
    return text;
  const bytes = BYTES.exec(text);
  if (bytes !== null) return { bytes: (bytes[1] as MessageName | undefined) ?? null };
  return text in TABLE ? { message: text as MessageName } : { names: text.split('|') };
}
