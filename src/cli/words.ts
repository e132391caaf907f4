import { ERROR_CODES, type ErrorCode } from '../errors/index.js';

/** The option of the command line that each one of a configuration comes from. */
const FLAGS: ReadonlyMap<string, string> = new Map([
  ['storage.location', '--data'],
  ['storage.url', '--store'],
  ['storage.store', 'store in --store'],
  ['storage.schema', 'schema in --store'],
  ['storage.durability', 'durability in --store'],
  ['storage.leaseMs', 'leaseMs in --store'],
  ['storage.outageMs', 'outageMs in --store'],
  ['chain', '--chain'],
  ['chainOptions', '--chain-options'],
  ['chainId', '--chain-id'],
  ['base', '--base'],
  ['limits.maxBlockBytes', '--max-block-bytes'],
  ['maxBlockBytes', '--max-block-bytes'],
  ['finality.depth', '--finality-depth'],
  ['stateTransition', '--state'],
  ['peers', '--peer'],
  ['tls.ca', '--ca'],
  ['tls.cert', '--cert'],
  ['tls.key', 'the key of --cert'],
  ['tls', 'what --ca or --cert names'],
  ['proxy', '--proxy'],
  ['mode', '--mode'],
  ['trust', '--trust'],
  ['trust.threshold', '--threshold'],
  ['trust.hash', '--trust-hash'],
  ['snapshot.type', '--snapshot-type'],
  ['maxParts', '--max-parts'],
  ['codecs', '--codec'],
  ['agree', '--agree'],
  ['staleAfterMs', '--stale-after (seconds, here in milliseconds)'],
  ['acceptRollback', '--accept-rollback'],
  ['checkpoints', '--checkpoint'],
  ['producers', '--producer'],
  ['retry.giveUpAfterMs', '--give-up-after (seconds, here in milliseconds)'],
  ['to', '--to'],
  ['follow', '--follow'],
  ['cache', '--cache'],
  ['authorize', '--token-file'],
  ['snapshots.every', '--snapshot-every'],
  ['readiness.maxBehindBlocks', '--max-behind-blocks'],
  ['readiness.maxBehindMs', '--max-behind (seconds, here in milliseconds)'],
]);

/** What to do where the table of codes names an option of a configuration, or speaks to the operator of a server. */
const ACTIONS: Partial<Record<ErrorCode, string>> = {
  BLOCK_TOO_LARGE:
    'Raise --max-block-bytes (of import, sync and serve) if blocks of this size are meant to exist; a peer that has such blocks may only have a larger limit.',
  EVENT_TOO_LARGE:
    'Raise --max-block-bytes if blocks of this size are meant to exist; the peer may only have a larger limit.',
  CODEC_OUTPUT_TOO_LARGE: 'Raise --max-block-bytes only if blocks of this size are meant to exist.',
  CODEC_UNAVAILABLE: 'Choose one of the codecs named in the message, or use a Node.js that has this one.',
  GENESIS_MISMATCH: 'Check that the input starts at the first block and that --chain names its rules.',
  CHECKPOINT_MISMATCH:
    'Take blocks from elsewhere, or correct --checkpoint or --chain-id; if the store is told of, begin a new one.',
  BELOW_BASE:
    'Use a peer that keeps the whole history, or begin a new store at the base that is named (--base).',
  PRODUCER_UNKNOWN:
    'Sync from another peer; if the key is right, name it with --producer HEIGHT:KEY from the height on that it may sign.',
  SIGNATURE_INVALID:
    'Sync from another peer; if a store is told of, its blocks were taken without --producer: sync into a new directory.',
  STORE_CLOSED: 'Run the command again.',
  ROLLBACK_TOO_DEEP:
    'Find out which branch is right, and consent to this one with --accept-rollback HEIGHT:HASH if it is; nothing was changed.',
  BRANCH_TOO_LARGE:
    'Find out which branch is right; if it is this one, begin a new store with it. Nothing was changed.',
  PEER_UNAUTHORIZED:
    'Check the name and the password in the address (https://NAME:PASSWORD@…), --header or --header-file.',
  CREDENTIALS_UNAVAILABLE: 'Check the file of --header-file; the peer was not asked.',
  PEER_CERTIFICATE:
    'Check the address; for a private authority pass it with --ca; renew a certificate that has expired.',
  PEER_TIMEOUT: 'Try again later, or another peer.',
  PEER_SLOW: 'Another peer is asked; nothing has to be done.',
  HEADS_DISAGREE:
    'Find out which of the peers are on another chain, or are down; --agree says how many it takes.',
  HEAD_AGE_UNKNOWN:
    'Have blocks state milliseconds since 1970, or take --stale-after for the time since the last block came.',
  SNAPSHOT_UNTRUSTED: 'Check --trust, --threshold and --trust-hash.',
  SNAPSHOT_EXPIRED: 'Ask for a newer one, and check the clock.',
  STATE_FAILED: 'See the message, and the module of --state; the block and its changes were not stored.',
  INTERNAL: 'This is a defect; report it with this message and the command.',
  PLUGIN_UNKNOWN: 'Use one of the names in the message.',
  PORT_IN_USE: 'Choose another --port, or 0 to get a free one.',
};

/** What to do about a failure, by the names that options have on the command line. */
export function actionOf(code: ErrorCode): string {
  return ACTIONS[code] ?? ERROR_CODES[code].action;
}

/** Puts the options of the command line in place of those of a configuration: `` `trust.signers[0]` `` is `--trust`. */
export function inFlags(message: string): string {
  return message.replace(/`([^`]+)`/g, (quoted, path: string) => flagOf(path) ?? quoted);
}

function flagOf(path: string): string | null {
  if (path.startsWith('--')) return path;
  const names = path.replace(/\[.*?\]/g, '').split('.');
  const [, place] = /\[(\d+)\]/.exec(path) ?? [];
  for (let length = names.length; length > 0; length--) {
    const flag = FLAGS.get(names.slice(0, length).join('.'));
    if (flag !== undefined) return place === undefined ? flag : `${flag} (no. ${Number(place) + 1})`;
  }
  return null;
}
