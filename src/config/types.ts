import type { ChainLimits } from '../chain/settings.js';
import type { Finality } from '../chain/finality.js';
import type { ProducerSet } from '../chain/producers.js';
import type {
  BlockRef,
  BlockSigner,
  ChainRulesPlugin,
  CodecPlugin,
  EndpointPlugin,
  HeaderValue,
  HttpFetch,
  Logger,
  Plugin,
  SnapshotType,
  StateTransition,
  StoragePlugin,
  TransportLimits,
} from '../contracts/index.js';
import type { RetryOptions } from '../engine/backoff.js';
import type { EngineLimits } from '../engine/engine-parts.js';
import type { WantedMode } from '../engine/modes.js';
import type { PostgresStorageOptions } from '../internal/postgres-options.js';

/** The embedded LevelDB store. */
export interface LevelStorageConfig {
  readonly use: 'leveldb';
  /** Directory of the store; made when it is missing. */
  readonly location: string;
  /**
   * Whether a missing store is made; without it a missing one is `STORE_NOT_FOUND`.
   *
   * @defaultValue `true`
   */
  readonly createIfMissing?: boolean;
}

/** A store that is gone with the process. */
export interface MemoryStorageConfig {
  readonly use: 'memory';
}

/** A store in a PostgreSQL database, of which any number of processes can be readers. It needs the package `pg`. */
export interface PostgresStorageConfig extends PostgresStorageOptions {
  readonly use: 'postgres';
}

/** Where blocks are kept: a built-in store by name, or a plugin. */
export type StorageConfig = LevelStorageConfig | PostgresStorageConfig | MemoryStorageConfig | StoragePlugin;

/** A server to sync from, with what to send it. */
export interface PeerConfig {
  /**
   * Where the router is mounted, an http or https URL without query and fragment; one without a path means `/sync` there. Or
   * a folder of this machine that history was published in (`blockferry publish`), as `file:///folder`.
   * Credentials in it are sent as `Authorization: Basic`.
   */
  readonly url: string;
  /**
   * Headers of every request to it, in the characters that HTTP has for names and values (RFC 9110, section 5). A function
   * is called for each request, and once more when the peer answers 401: a token that expires. It has
   * `limits.connectTimeoutMs` to give a text. They are sent to no other place, and no event, error or log has a value.
   *
   * @defaultValue `{}`
   */
  readonly headers?: Readonly<Record<string, HeaderValue>>;
  /**
   * What its rollbacks and shorter branches are. `proved`: a claim, until verified blocks replace ours. `trusted`: they are
   * followed at once, down to what is final and to `maxRollbackBlocks`, and with `agree` above 1 to the confirmed block: what
   * several peers have confirmed is not dropped on the word of one.
   *
   * @defaultValue `'proved'`
   */
  readonly rollbacks?: 'proved' | 'trusted';
}

/** What a store of blocks is opened with. */
export interface ChainConfig {
  readonly storage: StorageConfig;
  /**
   * Chain rules: a name (`sealed-json`, `ethereum`, `cometbft`, `bitcoin`, `fabric`, `linked:HEIGHT,HASH,PARENT`, …) or a
   * plugin. `null` stands for those the store was made with; in an empty store for `sealed-json`, or what the peer announces when those rules prove hashes.
   *
   * @defaultValue `null`
   */
  readonly chain?: string | ChainRulesPlugin | null;
  /**
   * Options of the built-in rules that `chain` names, as their plugin takes them: whom to trust, and what a block must have.
   * Two nodes may have different ones for the same chain. An option that is none is a `TypeError` when the chain is opened.
   * `null`: the defaults.
   *
   * @defaultValue `null`
   */
  readonly chainOptions?: object | null;
  /**
   * The chain's name. One with the form of a hash (64 hex digits, `0x` before them or not) has to be the hash of the first
   * block, which is checked where that block is at height 0 and has the parent that stands for none; with `base` above 0
   * it is a name only. `null` stands for the store's, the peer's, or the hash of the first block.
   *
   * @defaultValue `null`
   */
  readonly chainId?: string | null;
  /**
   * Blocks that the host knows, each height once, the hash as the chain's blocks spell it. No other block is taken at these
   * heights, of whomever, none of them is rolled back, and a store that has another one there is not opened.
   *
   * @defaultValue `[]`
   */
  readonly checkpoints?: readonly BlockRef[];
  /**
   * Who may write blocks, by ascending heights: from each `from` to the next only these public keys may sign, and blocks
   * below the first `from` need no signature. 66 lower-case hex digits are a compressed key of secp256k1, 64 one of
   * Ed25519. No other block is taken, of whomever, and a store whose newest block is another one is not opened. For chain
   * rules with signed blocks, which are `sealed-json` and plugins that have them. Empty: anybody may write.
   *
   * @defaultValue `[]`
   */
  readonly producers?: readonly ProducerSet[];
  /**
   * Height of the first block of an empty store.
   *
   * @defaultValue 0
   */
  readonly base?: number;
  /**
   * Codecs to take blocks in, by name or as plugins, best first; at least one. Tiles come in zstd where it stands before
   * gzip and a peer has them so.
   *
   * @defaultValue `['zstd', 'gzip', 'identity']`, without zstd where Node lacks it
   */
  readonly codecs?: readonly (string | CodecPlugin)[];
  /**
   * Codec that blocks are stored in when they come without an encoding. Left out, blocks of less than 2 KiB are stored as
   * they are: one by one they hardly become smaller, and a stream of them is compressed as a whole.
   *
   * @defaultValue `'gzip'`, for blocks of 2 KiB and more
   */
  readonly storeCodec?: string;
  /**
   * What blocks do to the accounts and contracts; it has to be there from the first block of a store on, and whenever
   * blocks are added. `null` keeps no state.
   *
   * @defaultValue `null`
   */
  readonly stateTransition?: StateTransition | null;
  /**
   * Which blocks can't be rolled back: `{depth: N}` those N and more below the head, a function those up to the height
   * that it returns for a new head. What is final stays so. `null` stands for none, save those that came in a snapshot.
   *
   * @defaultValue `null`
   */
  readonly finality?: Finality | null;
  /**
   * Further plugins; those that are passed win over built-in ones of the same name.
   *
   * @defaultValue `[]`
   */
  readonly plugins?: readonly Exclude<Plugin, EndpointPlugin>[];
  /** How `Chain.produce` makes blocks; each option has a default. */
  readonly produce?: ProduceConfig;
  /** Bounds; each has a default. */
  readonly limits?: Partial<ChainLimits>;
}

/** How blocks are produced. */
export interface ProduceConfig {
  /**
   * Who signs them: of a key file (`readProducerKey`), or the host's own. Where there are `producers`, one of their keys.
   * `null` makes blocks without a signature.
   *
   * @defaultValue `null`
   */
  readonly signer?: BlockSigner | null;
  /**
   * Name of the member that each record goes in as, `{…,"NAME":{…}}`. With `null` a record's members stand beside those of
   * the block, and a record that has one of their names goes in as the member `record`.
   *
   * @defaultValue `null`
   */
  readonly wrap?: string | null;
  /**
   * Bytes of records that may wait to be stored, each counted with 256 more. A call above that is refused with `PRODUCE_BUSY`.
   *
   * @defaultValue 32 MiB
   */
  readonly maxWaitingBytes?: number;
}

/** How snapshots are taken. */
export interface SnapshotConfig {
  /**
   * `recent` has the newest blocks and the state, `full` all blocks and the state.
   *
   * @defaultValue `'recent'`
   */
  readonly type?: SnapshotType;
  /**
   * Directory for the parts of a snapshot until it is imported, so that an interrupted download goes on; `null` keeps
   * none.
   *
   * @defaultValue `downloads` in the store's directory
   */
  readonly directory?: string | null;
  /**
   * With `auto`, an empty node that is fewer blocks behind than this syncs them instead.
   *
   * @defaultValue 1,000
   */
  readonly minBlocks?: number;
}

/** Whom to trust; at least one of `signers` and `hash`. */
export interface TrustConfig {
  /**
   * Public keys that count, as their scheme spells them: for `secp256k1` the compressed key in lower-case hex.
   *
   * @defaultValue `[]`
   */
  readonly signers?: readonly string[];
  /**
   * How many different ones of them have to have signed, 1 to their number.
   *
   * @defaultValue 1
   */
  readonly threshold?: number;
  /**
   * SHA-256 of the one snapshot document that is taken without a signature, in lower-case hex; `null` for none.
   *
   * @defaultValue `null`
   */
  readonly hash?: string | null;
  /**
   * A signed snapshot made longer ago than this is refused, in milliseconds; `null` for any age.
   *
   * @defaultValue 1,209,600,000, which is 14 days
   */
  readonly maxAgeMs?: number | null;
}

/** What TLS connections to peers are made with. All are PEM, and none is ever part of a message. */
export interface TlsConfig {
  /**
   * Authorities that may have signed the certificate of a peer, in place of those that Node knows; `null` for those.
   *
   * @defaultValue `null`
   */
  readonly ca?: string | Uint8Array | readonly (string | Uint8Array)[] | null;
  /**
   * Certificate of this client, for peers that ask for one; `null` for none.
   *
   * @defaultValue `null`
   */
  readonly cert?: string | Uint8Array | null;
  /**
   * Private key of `cert`, not encrypted; `null` for none.
   *
   * @defaultValue `null`
   */
  readonly key?: string | Uint8Array | null;
  /**
   * Name that the certificate of a peer has to have, and that is sent to it (SNI); `null` for that of its address.
   *
   * @defaultValue `null`
   */
  readonly servername?: string | null;
}

/** What a `SyncEngine` is made of. */
export interface SyncEngineConfig extends Omit<ChainConfig, 'limits' | 'produce'> {
  /** Servers to sync from, at least one, none of them twice; the first is asked first. */
  readonly peers: readonly (string | PeerConfig)[];
  /**
   * How to sync. `auto` takes a snapshot when the store is empty, far behind and `trust` is set, unless the whole history in
   * tiles is hardly more and no state is wanted; else history in tiles
   * where the peer has it so, and then the stream. `json` takes tiles and then ranges, `stream` never tiles. When a way
   * fails, the other ones have their turn. `snapshot` needs `trust`.
   *
   * @defaultValue `'auto'`
   */
  readonly mode?: WantedMode;
  /**
   * Whose snapshots are taken; `null` takes none.
   *
   * @defaultValue `null`
   */
  readonly trust?: TrustConfig | null;
  /** How snapshots are taken. */
  readonly snapshot?: SnapshotConfig;
  /**
   * Last height wanted, not below `base`; `null` for all.
   *
   * @defaultValue `null`
   */
  readonly to?: number | null;
  /**
   * Whether to go on with new blocks as the peer gets them, once its head is reached, until the engine is closed. Needs
   * the stream, so it doesn't go with the mode `json`. Where no peer has a stream but one has files of its tiles, its status
   * is read every `headCheckMs`.
   *
   * @defaultValue `false`
   */
  readonly follow?: boolean;
  /**
   * How many peers have to have a block before it is confirmed: before it is told of, handed to the handler of `run`,
   * becomes final, and before the node counts as `synced` with it. 1 to the number of peers; with 1, what was verified is
   * confirmed.
   *
   * @defaultValue 1
   */
  readonly agree?: number;
  /**
   * How long a peer is followed whose blocks stay unconfirmed while `agree` others have another block there, in
   * milliseconds.
   *
   * @defaultValue 10,000
   */
  readonly confirmTimeoutMs?: number;
  /**
   * Age of the newest block above which the node is not `synced` and a `stale` event tells so, in milliseconds. The age
   * is that of the header's time, and of its arrival where that is none in milliseconds, of which a warning tells. `null`
   * for no such alarm.
   *
   * @defaultValue `null`
   */
  readonly staleAfterMs?: number | null;
  /**
   * Confirmed blocks that another branch may take the place of. A peer that asks for more is left; when none else is left,
   * the engine fails with `ROLLBACK_TOO_DEEP`.
   *
   * @defaultValue 64, or `finality.depth` where it is given
   */
  readonly maxRollbackBlocks?: number;
  /**
   * Consent to one branch that begins deeper than `maxRollbackBlocks` allows: any block of it, as the error names it.
   * Nothing goes below a final block.
   *
   * @defaultValue `null`: none
   */
  readonly acceptRollback?: BlockRef | null;
  /**
   * How often the heads of several peers are compared while following, and the status of a peer that has no stream is read,
   * in milliseconds.
   *
   * @defaultValue 15,000
   */
  readonly headCheckMs?: number;
  /**
   * Worker threads that may check a long history, 0 to 64: they are started once there is so much to check that it pays.
   * With 0 the main thread checks all of it, in turns of a few milliseconds.
   *
   * @defaultValue the processors less one, 4 at most
   */
  readonly threads?: number;
  /**
   * What TLS connections to peers are made with: private authorities, a certificate of this client; `null` for what Node
   * has. Not with a `fetch`, which makes its own.
   *
   * @defaultValue `null`
   */
  readonly tls?: TlsConfig | null;
  /**
   * Address of the HTTP proxy that all requests go through, which may have a name and a password: an http or https URL;
   * `null` for none, whatever the environment says. Left out, `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` of the environment
   * hold, except for peers on this machine. Not with a `fetch`.
   */
  readonly proxy?: string | null;
  /**
   * HTTP client; `null` for the engine's own, for HTTP/1.1. A host's `fetch` brings HTTP/2, or connections of another
   * kind.
   *
   * @defaultValue `null`
   */
  readonly fetch?: HttpFetch | null;
  /**
   * Where a line goes for what an engine tells, save blocks and progress, as to `pino()`; `null` for nowhere. No line has
   * anything of a block in it, nor a credential.
   *
   * @defaultValue `null`
   */
  readonly logger?: Logger | null;
  /** When and how often to try again. An engine that follows tries for ever unless `maxAttempts` is given. */
  readonly retry?: Partial<RetryOptions>;
  /** Bounds; each has a default. */
  readonly limits?: Partial<EngineLimits & Omit<TransportLimits, 'maxEventBytes'>>;
}
