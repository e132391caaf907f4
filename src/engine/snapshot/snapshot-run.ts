import type {
  BlockRef,
  Peer,
  PeerStatus,
  SnapshotClaims,
  SnapshotManifest,
  SnapshotProgress,
  SnapshotTransport,
} from '../../contracts/index.js';
import { isSyncError, SyncError } from '../../errors/index.js';
import { sleep, throwIfAborted } from '../../internal/abort.js';
import type { EngineParts, EngineSettings, SnapshotParts } from '../engine-parts.js';
import type { EventHub } from '../events/event-hub.js';
import { chooseRules } from '../handshake.js';
import { importSnapshot } from './snapshot-import.js';
import { checkDocumentSignature, checkTrust, type TrustVerdict } from './trust.js';
import { StorageEncoding } from '../../chain/storage-encoding.js';
import { Verifier } from '../../chain/verifier.js';

/** Name under which a store keeps the newest height that a snapshot was trusted for. */
const TRUSTED_CURSOR = 'blockferry:trusted';

/** How long a snapshot that is being made is waited for in all, and between two questions at least. */
const MAX_BUILD_WAIT_MS = 120_000;
const MIN_BUILD_WAIT_MS = 1_000;

/** What taking a snapshot works with. */
export interface SnapshotRunDeps {
  readonly settings: EngineSettings;
  readonly parts: EngineParts;
  readonly hub: EventHub;
  /** Peers that may be asked. */
  peers(): readonly Peer[];
  /** A peer sent a part that it can't have been asked to: it is not asked for anything else. */
  onLiar(peer: Peer, error: SyncError): void;
}

/** Takes a snapshot: finds a manifest, trusts it, fetches, checks and imports what it describes. */
export class SnapshotRun {
  readonly #deps: SnapshotRunDeps;
  readonly #snapshots: SnapshotParts;

  constructor(deps: SnapshotRunDeps, snapshots: SnapshotParts) {
    this.#deps = deps;
    this.#snapshots = snapshots;
  }

  /**
   * @param peer - the peer to ask for a manifest; parts are fetched from all.
   * @throws SyncError; the store is then as it was before.
   */
  async run(peer: Peer, status: PeerStatus | null, signal: AbortSignal): Promise<void> {
    try {
      await this.#run(peer, status, signal);
    } catch (error) {
      throwIfAborted(signal);
      // What failed for good would fail again at each start; what was only cut off goes on.
      if (isSyncError(error) && isHopeless(error)) await this.forget();
      throw error;
    }
  }

  async #run(peer: Peer, status: PeerStatus | null, signal: AbortSignal): Promise<void> {
    const begun = await this.#begun(status);
    if (begun !== null) {
      try {
        await this.#take(begun, signal);
        return;
      } catch (error) {
        throwIfAborted(signal);
        if (!isSyncError(error, 'SNAPSHOT_GONE')) throw error;
        await this.forget();
      }
    }
    await this.#take(await this.#findBuilt(peer, status, signal), signal);
  }

  /** A download that was begun and is still worth going on with. */
  async #begun(status: PeerStatus | null): Promise<Candidate | null> {
    const { directory } = this.#snapshots;
    const manifest = directory === null ? null : await this.#snapshots.transport.begun(directory);
    if (manifest === null) return null;
    try {
      return { manifest, verdict: await this.#verdict(manifest, status), resumed: true };
    } catch (error) {
      if (!isSyncError(error)) throw error;
      this.#deps.hub.warn(error.code, `A download that was begun is given up. ${error.message}`);
      await this.forget();
      return null;
    }
  }

  /** Waits while the snapshot is being made, within bounds: the one who asks first has it made. */
  async #findBuilt(peer: Peer, status: PeerStatus | null, signal: AbortSignal): Promise<Candidate> {
    let waitedMs = 0;
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#find(peer, status, signal);
      } catch (error) {
        if (!isSyncError(error, 'SNAPSHOT_BUILDING') || waitedMs >= MAX_BUILD_WAIT_MS) throw error;
        const delayMs = Math.max(error.context.retryAfterMs ?? 0, MIN_BUILD_WAIT_MS);
        this.#deps.hub.emit({ type: 'retry', peer: peer.url, error, attempt, delayMs });
        await sleep(delayMs, signal);
        waitedMs += delayMs;
      }
    }
  }

  /** The first manifest that can be trusted, of this peer or another one. @throws SyncError of the first peer */
  async #find(first: Peer, status: PeerStatus | null, signal: AbortSignal): Promise<Candidate> {
    const others = this.#deps.peers().filter(({ url }) => url !== first.url);
    let failure: SyncError | null = null;
    for (const peer of [first, ...others]) {
      try {
        return await this.#candidate(peer, status, signal);
      } catch (error) {
        throwIfAborted(signal);
        if (!isSyncError(error)) throw error;
        failure ??= error.at({ peer: peer.url });
      }
    }
    throw failure ?? new TypeError('A run needs at least one peer.');
  }

  /** A peer's manifest. Its parts are not looked at before its word is taken. */
  async #candidate(peer: Peer, status: PeerStatus | null, signal: AbortSignal): Promise<Candidate> {
    const { codecs } = this.#snapshots;
    const want = { type: this.#deps.settings.snapshotType, codecs };
    const told: { verdict: TrustVerdict | null } = { verdict: null };
    const check = async (claims: SnapshotClaims): Promise<void> => {
      told.verdict = await this.#verdict(claims, status);
    };
    const manifest = await this.#snapshots.transport.manifest(peer, want, { signal, check });
    if (manifest === null)
      throw new SyncError('SNAPSHOT_UNAVAILABLE', `${peer.url} serves no snapshots.`, { peer: peer.url });
    // A plugin's transport may leave the check to its caller.
    return { manifest, verdict: told.verdict ?? (await this.#verdict(manifest, status)), resumed: false };
  }

  async #verdict(claims: SnapshotClaims, status: PeerStatus | null): Promise<TrustVerdict> {
    this.#checkWanted(claims);
    return this.#trust(claims, status);
  }

  /** @throws SyncError `SNAPSHOT_UNAVAILABLE` when a manifest is not of the kind that is wanted now. */
  #checkWanted({ id, type, codec, height }: SnapshotClaims): void {
    const { snapshotType, to } = this.#deps.settings;
    const fits = type === snapshotType && this.#snapshots.codecs.includes(codec);
    if (fits && (to === null || height <= to)) return;
    const message = `The snapshot ${id} (${type}, ${codec}) is not of the kind that is wanted, or ends above \`to\`.`;
    throw new SyncError('SNAPSHOT_UNAVAILABLE', message);
  }

  async #trust(claims: SnapshotClaims, status: PeerStatus | null): Promise<TrustVerdict> {
    const { parts, settings } = this.#deps;
    const identity = parts.storage.identity();
    return checkTrust(claims, {
      trust: settings.trust,
      scheme: await parts.signatures(),
      now: Date.now,
      chain: chooseRules({ configured: settings.chain, identity, adoptable: parts.adoptableRules }, status),
      chainId: settings.chainId ?? identity?.chainId ?? null,
      newest: await this.#newest(),
    });
  }

  /** The highest block that this node has stood at or trusted, in this run or an earlier one. */
  async #newest(): Promise<BlockRef | null> {
    const { storage } = this.#deps.parts;
    const known = [storage.checkpoint().head, await storage.cursor(TRUSTED_CURSOR)];
    return known.reduce((best, each) => ((each?.height ?? -1) > (best?.height ?? -1) ? each : best), null);
  }

  async #take(candidate: Candidate, signal: AbortSignal): Promise<void> {
    const { hub, parts } = this.#deps;
    const { workers } = this.#snapshots;
    const { manifest, verdict, resumed } = candidate;
    const about = { id: manifest.id, snapshotType: manifest.type, base: manifest.base } as const;
    const place = { height: manifest.height, hash: manifest.blockHash };
    const meter = new SnapshotMeter(manifest);
    const tell = (status: 'begun' | 'resumed' | 'progress' | 'imported'): void => {
      hub.snapshot({
        type: 'snapshot',
        status,
        ...about,
        ...place,
        signers: verdict.signers,
        ...meter.state,
      });
    };
    tell(resumed ? 'resumed' : 'begun');
    const items = this.#open(
      manifest,
      (progress) => {
        meter.download = progress;
        tell('progress');
      },
      signal,
    );
    await importSnapshot(
      {
        storage: parts.storage,
        manifest,
        verifier: await this.#verifier(manifest),
        items,
        workers,
        encoding: parts.encoding,
        checkSignature: async (end) => {
          await checkDocumentSignature(manifest, end, await parts.signatures());
        },
        onBlocks: (blocks, bytes) => {
          meter.add(blocks, bytes);
          tell('progress');
        },
      },
      signal,
    );
    await parts.storage.setCursor(TRUSTED_CURSOR, place);
    await this.forget();
    tell('imported');
  }

  #open(
    manifest: SnapshotManifest,
    onProgress: (progress: SnapshotProgress) => void,
    signal: AbortSignal,
  ): ReturnType<SnapshotTransport['open']> {
    const { hub, settings } = this.#deps;
    const request = {
      manifest,
      peers: this.#deps.peers(),
      directory: this.#snapshots.directory,
      maxBlockBytes: settings.limits.maxBlockBytes,
      onProgress,
      onPeerFailure: (peer: Peer, cause: Error): void => {
        const error = isSyncError(cause) ? cause : new SyncError('INTERNAL', cause.message, { cause });
        const lied = error.info.provesLie;
        hub.emit({ type: 'peer', peer: peer.url, status: lied ? 'dropped' : 'lost', error });
        if (lied) this.#deps.onLiar(peer, error);
      },
    };
    return this.#snapshots.transport.open(request, { signal });
  }

  async #verifier(manifest: SnapshotManifest): Promise<Verifier> {
    const { parts, settings } = this.#deps;
    const deps = {
      rules: await parts.rules(manifest.chain),
      codecs: parts.codecs,
      encoding: StorageEncoding.raw,
      maxBlockBytes: settings.limits.maxBlockBytes,
    };
    return new Verifier(deps, { head: null, base: manifest.base });
  }

  /** Removes what downloads have left. */
  async forget(): Promise<void> {
    const { directory } = this.#snapshots;
    if (directory !== null) await this.#snapshots.transport.forget(directory);
  }
}

/** Whether going on with the same parts can't end well. */
function isHopeless(error: SyncError): boolean {
  if (error.code.startsWith('STORE_')) return false;
  return !error.info.retryable || error.code === 'SNAPSHOT_GONE';
}

interface Candidate {
  readonly manifest: SnapshotManifest;
  readonly verdict: TrustVerdict;
  readonly resumed: boolean;
}

/** Counts what a snapshot event tells. */
class SnapshotMeter {
  download: SnapshotProgress;
  readonly #totalBlocks: number;
  #blocks = 0;
  #bytes = 0;

  constructor({ size, parts, base, height }: SnapshotManifest) {
    this.#totalBlocks = height - base + 1;
    this.download = {
      verifiedBytes: 0,
      keptBytes: 0,
      totalBytes: size,
      verifiedParts: 0,
      totalParts: parts.length,
    };
  }

  add(blocks: number, bytes: number): void {
    this.#blocks += blocks;
    this.#bytes += bytes;
  }

  get state(): SnapshotProgress & {
    readonly importedBlocks: number;
    readonly importedBytes: number;
    readonly totalBlocks: number;
  } {
    return {
      ...this.download,
      importedBlocks: this.#blocks,
      importedBytes: this.#bytes,
      totalBlocks: this.#totalBlocks,
    };
  }
}
