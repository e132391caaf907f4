/** What each code means, and what to do next: a sentence each. */
const TEXTS: Readonly<Record<string, readonly [summary: string, action: string]>> = {
  BLOCK_MALFORMED: [
    'The bytes are not one well-formed block document of this chain.',
    'Ask whoever produced the block; it was not stored.',
  ],
  BLOCK_TOO_LARGE: [
    'A block is larger than the limit of this node.',
    'Raise `limits.maxBlockBytes` where it is met if blocks of this size are meant to exist; a peer that has such blocks may only have a larger limit.',
  ],
  HASH_MISMATCH: [
    "The block's bytes don't have the hash that the block states.",
    'Sync from another peer; the block was altered or damaged on the way.',
  ],
  HEIGHT_MISMATCH: [
    'A block states another height than the one it was sent or expected at.',
    'Sync from another peer, or import from the height that is due.',
  ],
  HEIGHT_GAP: [
    'A height is missing between the head and the block that came.',
    'Sync from another peer, or import the missing blocks first.',
  ],
  PARENT_MISMATCH: [
    "A block's parent is not the block before it.",
    'Sync from another peer, or check which of the two chains is wanted.',
  ],
  GENESIS_MISMATCH: [
    'The block at height 0 does not start a chain under these rules.',
    'Check that the input starts at the first block and that `chain` names its rules.',
  ],
  TILE_MISMATCH: [
    'The blocks of a tile are sound, but they are not those that the index names.',
    'Sync from another peer; nothing of the tile was stored.',
  ],
  CHAIN_MISMATCH: [
    'The store, the configuration and the peer do not speak of the same chain.',
    'Use the chain rules the store was made with, another peer, or another directory.',
  ],
  CHECKPOINT_MISMATCH: [
    'A block is not the one that `checkpoints`, or a `chainId` that is a hash, names at its height.',
    'Sync from another peer; if the store is told of, sync into a new directory or correct the checkpoint.',
  ],
  PRODUCER_UNKNOWN: [
    'A block names a producer that `producers` does not allow at its height.',
    'Sync from another peer; if the key is right, add it to `producers` from the height on that it may sign.',
  ],
  SIGNATURE_INVALID: [
    'A block has no signature, or one that is not that of the producer it names; or not the seals that its chain demands.',
    'Sync from another peer; if a store is told of, its blocks were taken without `producers`: sync into a new directory.',
  ],
  VALIDATORS_CHANGED: [
    'A block has other validators than the block below left or the configuration names, and does not prove it.',
    'If the change is right, name the new validators in the options of the chain rules, from that height on; else sync from another peer.',
  ],
  FORKED: [
    "The client's newest block is not on the peer's chain.",
    'Find out which chain is right; sync into a new directory if this node is on the wrong one.',
  ],
  BELOW_BASE: [
    'The height is below the oldest block that is held.',
    'Start from a peer that keeps the whole history, or from the base it names.',
  ],
  BELOW_FINALIZED: [
    'A rollback would drop a finalized block, or a checkpoint.',
    'Find out why two final chains exist; nothing was changed.',
  ],
  ROLLBACK_TOO_DEEP: [
    "A peer's branch would drop more confirmed blocks than `maxRollbackBlocks` allows.",
    'Find out which branch is right, and consent to this one with `acceptRollback` if it is; nothing was changed.',
  ],
  BRANCH_TOO_LARGE: [
    "A peer's branch has more bytes than may take the place of ours at once.",
    'Find out which branch is right; if it is this one, raise `limits.maxBranchBytes`, or begin a new store. Nothing was changed.',
  ],
  CODEC_UNAVAILABLE: [
    'No codec of this name is available here.',
    'Register a plugin for it, or choose one of the codecs named in the message.',
  ],
  CODEC_CORRUPT: [
    'Encoded bytes are damaged, truncated, not in canonical form, or followed by other bytes.',
    'Sync from another peer; nothing was stored.',
  ],
  CODEC_OUTPUT_TOO_LARGE: [
    'Decoding would produce more bytes than allowed.',
    'Raise the limit only if data of this size is meant to exist.',
  ],
  STORE_LOCKED: [
    'Another process, or another engine in this one, has the store open.',
    'Stop it, or use another store; of a store in a database the lease of a writer that is gone ends by itself.',
  ],
  STORE_READ_ONLY: [
    'The store is open for reading only: another process writes it.',
    'Write in the process that has the role of the writer.',
  ],
  STORE_NOT_FOUND: [
    'There is no store at this place.',
    'Check the path or the name; `import` or `sync` makes a new store.',
  ],
  STORE_NOT_RECOGNIZED: [
    'The directory is not a blockferry store.',
    'Name an empty or missing directory, or one that blockferry made.',
  ],
  STORE_VERSION: [
    'The store was written in a format that this version does not read.',
    'Use the version that wrote it, or sync into a new directory.',
  ],
  STORE_DAMAGED: [
    'The store lost or altered data that it had acknowledged.',
    'Restore a backup, or sync into a new directory; the old one is left as it is.',
  ],
  STORE_GAP: [
    'Blocks do not fit on the head of the store, or a rollback names a block that it does not hold.',
    'Append blocks in order, roll back to a block that is held, and let an engine alone write its chain.',
  ],
  STORE_FULL: [
    'There is no room left on the device.',
    'Make room and start again; what was acknowledged is there.',
  ],
  STORE_IO: [
    'The operating system refused a read or a write.',
    'See the cause; what was acknowledged is there.',
  ],
  STORE_UNAVAILABLE: [
    'The database of the store could not be reached for as long as the store waits.',
    'Try again later; a write that failed so may have happened, which a store that is opened again shows.',
  ],
  STORE_CLOSED: ['The store is not open.', 'Open it first, or create a new engine after `close`.'],
  PRODUCE_BUSY: [
    'More records wait to be stored than may.',
    'Try again later with the same idempotency key, or raise `produce.maxWaitingBytes`; nothing of this call was stored.',
  ],
  KEY_REUSED: [
    'An idempotency key has come before with other records.',
    'Choose a new key for what is new; nothing of this call was stored.',
  ],
  ENGINE_WRITES: [
    'A chain that an engine syncs into was asked to add blocks of its own.',
    'Produce on the node that others sync from, or when the engine has ended; nothing was stored.',
  ],
  PEER_UNREACHABLE: ['The peer could not be reached.', 'Check that it runs and that the address is right.'],
  PEER_CERTIFICATE: [
    "The peer's TLS certificate does not prove that it is the peer.",
    'Check the address; for a private authority pass it as `tls.ca`, or set `NODE_EXTRA_CA_CERTS`; renew one that has expired.',
  ],
  PEER_TIMEOUT: ['The peer did not answer in time.', 'Try again later, or raise the timeout on a slow line.'],
  PEER_UNAUTHORIZED: ['The peer refuses this client.', "Check the credentials in the peer's headers."],
  CREDENTIALS_UNAVAILABLE: [
    'A function in `headers` of a peer gave no value for its header.',
    'See the message and its cause; the peer was not asked, and is later.',
  ],
  CREDENTIALS_EXPOSED: [
    'Credentials are sent over plain HTTP to another machine.',
    'Use an `https:` address; whoever is on the way can read what is sent.',
  ],
  PEER_NOT_FOUND: [
    'The peer has no sync service at this address.',
    'Check the path the service is mounted at.',
  ],
  PEER_REFUSED: ['The peer refused the request.', 'See the message; the request or the peer has to change.'],
  PEER_BUSY: ['The peer is over its limits or failing.', 'Try again later; `Retry-After` is respected.'],
  PEER_NOT_SYNC: [
    'What answers at this address does not speak the sync protocol.',
    'Check the address; a proxy or a web page may be answering in its place.',
  ],
  REDIRECT_REFUSED: [
    'The peer redirects to another place.',
    'Use the address it redirects to if you trust it.',
  ],
  PROTOCOL_UNSUPPORTED: ['The peer speaks another version of the protocol.', 'Upgrade the older side.'],
  PROTOCOL_VIOLATION: [
    'The peer sent something that the protocol does not allow.',
    'Sync from another peer.',
  ],
  PEER_DAMAGED: [
    "The peer's store is damaged where it was asked.",
    "Sync from another peer; the peer's operator has to restore its store.",
  ],
  PEER_ERROR: ['The peer reported an error in the middle of a stream.', 'Try again later, or another peer.'],
  STREAM_TRUNCATED: [
    'The stream ended before it was complete.',
    'It is resumed from the last durable block; check the line if it recurs.',
  ],
  STREAM_IDLE: [
    'The stream was silent for too long.',
    'It is resumed from the last durable block; check the line if it recurs.',
  ],
  STREAM_BUFFERED: [
    'Something on the way holds back what a stream sends, as a proxy that buffers.',
    'Switch buffering off for `/stream` in the proxy (nginx: `proxy_buffering off`); until then new blocks come by long poll.',
  ],
  STREAM_NO_PROGRESS: ['The stream is alive but brings no new block in time.', 'Try another peer.'],
  EVENT_TOO_LARGE: [
    'An event of the stream is larger than the limit of this node.',
    'Raise `limits.maxBlockBytes` if blocks of this size are meant to exist; the peer may only have a larger limit.',
  ],
  PEER_SLOW: [
    'The peer sends less than the minimum rate while there are others.',
    'Another peer is asked; lower `minBytesPerSecond` for lines that are slow by nature.',
  ],
  PEER_BEHIND: [
    'Another peer claims a newer head than the one that is followed.',
    'The other peer is asked; nothing has to be done.',
  ],
  HEADS_DISAGREE: [
    'Fewer peers than `agree` asks for have the newest block.',
    'Find out which of the peers are on another chain, or are down.',
  ],
  PEER_OUTVOTED: [
    'As many peers as `agree` asks for have another block than this one has sent.',
    'One of the others is asked; find out why this peer is on another branch.',
  ],
  HEAD_STALE: [
    'The newest block that any peer has is older than `staleAfterMs` allows.',
    'Check that the chain still grows, that the clock is right, and that the peers are not cut off.',
  ],
  PEER_INCONSISTENT: [
    'The peer contradicts itself: what it sends does not lead to what it says.',
    'Sync from another peer; replicas that differ behind one address look like this, too.',
  ],
  HEAD_AGE_UNKNOWN: [
    'The newest block has no time in milliseconds, so that nobody knows its age.',
    'Have blocks state milliseconds since 1970, or take `staleAfterMs` for the time since the last block came.',
  ],
  HEAD_UNPROVED: ['The peer claims a head that it does not deliver.', 'Sync from another peer.'],
  SNAPSHOT_UNAVAILABLE: [
    'No snapshot is served here.',
    'Sync by stream or ranges, or ask a peer that serves snapshots.',
  ],
  SNAPSHOT_BUILDING: ['The snapshot asked for is being made.', 'Ask again after `Retry-After`.'],
  SNAPSHOT_GONE: ['The snapshot is no longer kept.', 'Begin with a newer one.'],
  SNAPSHOT_UNTRUSTED: [
    'A snapshot lacks the signatures that the trust settings ask for.',
    'Check `trust`: its signers, its threshold and its hash.',
  ],
  SNAPSHOT_EXPIRED: [
    'A snapshot was made too long ago, or in the future.',
    'Ask for a newer one; check the clock; raise `maxAgeMs` if old snapshots are to be taken.',
  ],
  SNAPSHOT_STALE: [
    'A snapshot is older than what this node has trusted before.',
    'Ask a peer that has a newer one, or sync by stream.',
  ],
  SNAPSHOT_CORRUPT: [
    'A snapshot does not agree with itself: parts, hashes, header and body contradict each other.',
    'Fetch it from another peer.',
  ],
  CHECKPOINT_UNCOVERED: [
    'A snapshot that was taken begins above a checkpoint, so that nothing was compared with it.',
    'Sync by stream, or take a snapshot of type `full`, if the checkpoint is to be checked.',
  ],
  KEY_UNUSABLE: [
    'A key file can not be used: unreadable, not a key, or open to other users.',
    'Make one with `blockferry keygen --out FILE`; give it the mode 0600.',
  ],
  STATE_FAILED: [
    "The host's state transition threw, asked for a change that can't be made, or doesn't go with the store.",
    'See the message and the cause; the block and its changes were not stored.',
  ],
  BAD_REQUEST: ['A parameter of the request is not valid.', 'Correct the parameter that the message names.'],
  RANGE_TOO_LARGE: ['The range has more blocks than the server answers at once.', 'Ask for smaller ranges.'],
  NOT_FOUND: ['There is nothing at this path.', 'Check the path.'],
  METHOD_NOT_ALLOWED: ['The path takes other methods.', 'Use one of the methods in `Allow`.'],
  TOO_MANY_STREAMS: ['This client has too many streams open.', 'Close some, or wait for `Retry-After`.'],
  SERVER_BUSY: ['The server has as many streams open as it allows.', 'Wait for `Retry-After`.'],
  NOT_READY: [
    'The node lives, and is not ready to serve.',
    'See `reason` of the answer; a load balancer asks another node meanwhile.',
  ],
  UNAUTHORIZED: [
    'The request names nobody who may read.',
    'Send credentials that the server knows, as `WWW-Authenticate` of the answer says.',
  ],
  FORBIDDEN: ['Whoever asks may not read this.', 'Ask the operator of the server.'],
  INTERNAL: ['The server failed.', "See the server's log."],
  PLUGIN_UNKNOWN: [
    'The configuration names a plugin that is not registered.',
    'Use one of the names in the message, or pass the plugin in `plugins`.',
  ],
  PLUGIN_INCOMPATIBLE: [
    'A plugin was made for another version of the contracts, or two have one name.',
    'Use a version of the plugin for this package, or another name.',
  ],
  ENGINE_CLOSED: ['The engine was closed.', 'Create a new one.'],
  ENGINE_STARTED: ['The engine was started already.', 'Create a new engine for another run.'],
  HANDLER_FAILED: [
    "The host's handler threw.",
    'See the cause; the block is delivered again at the next start.',
  ],
  ABORTED: ['The operation was called off.', 'Nothing to do.'],
  PORT_IN_USE: ['Another program listens on this port.', 'Choose another port, or 0 to get a free one.'],
  INPUT_UNREADABLE: [
    'An input file can not be read or an output file can not be written.',
    'Check the path and the permissions.',
  ],
  INPUT_MALFORMED: [
    'An input file can be read, and has something in it that does not belong there.',
    'Correct what the message names.',
  ],
  PUBLISH_CONFLICT: [
    'A published file is there already, with other contents than it must have.',
    'Find out what changed the file; remove it to have it written again, or publish into an empty directory.',
  ],
  PUBLISH_FAILED: [
    'The object store that a chain is published in refused a request, or could not be reached.',
    'See the message; the next run goes on where this one ended.',
  ],
  CONFORMANCE_FAILED: [
    'A server does not do all that the sync protocol asks.',
    'Correct the server: each case that failed is named with its request and its section of docs/protocol.md.',
  ],
};

/** The words on a code. */
export function errorTexts(code: string): { readonly summary: string; readonly action: string } {
  const [summary = '', action = ''] = TEXTS[code] ?? [];
  return { summary, action };
}
