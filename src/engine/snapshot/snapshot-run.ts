import type {
  BlockRef,
  Peer,
  PeerStatus,
  SnapshotManifest,
  SnapshotProgress,
  SnapshotTransport,
} from '../../contracts/index.js';
import { isSyncError, SyncError } from '../../errors/index.js';
import { throwIfAborted } from '../../internal/abort.js';
import { ChainTally } from '../../chain/chain-tally.js';
import { nearHead, producersOf } from '../../chain/producers.js';
import { StorageEncoding } from '../../chain/storage-encoding.js';
import { Verifier } from '../../chain/verifier.js';
import { countHolders } from '../agreement/holders.js';
import type { SnapshotParts } from '../engine-parts.js';
import { checkPeerChain } from '../handshake.js';
import { isLocal } from '../peers/failures.js';
import { uncoveredText } from './covered.js';
import {
  type Candidate,
  SnapshotFinder,
  type SnapshotFinderDeps,
  TRUSTED_CURSOR,
} from './snapshot-finder.js';
import { importSnapshot } from './snapshot-import.js';
import { SnapshotMeter } from './snapshot-meter.js';
import { checkDocumentSignature } from './trust.js';

/** What taking a snapshot works with. */
export interface SnapshotRunDeps extends SnapshotFinderDeps {
  /** A peer sent something that contradicts itself: it is not asked for anything else. */
  onLiar(peer: Peer, error: SyncError): void;
}

/** Takes a snapshot: finds manifests, trusts them, fetches, checks and imports what the newest describes. */
export class SnapshotRun {
  readonly #deps: SnapshotRunDeps;
  readonly #snapshots: SnapshotParts;
  readonly #finder: SnapshotFinder;

  constructor(deps: SnapshotRunDeps, snapshots: SnapshotParts) {
    this.#deps = deps;
    this.#snapshots = snapshots;
    this.#finder = new SnapshotFinder(deps, snapshots);
  }

  /**
   * Takes the newest snapshot that can be trusted; where it turns out to be false, the next one.
   *
   * @throws SyncError of the last one; the store is then as it was before.
   */
  async run(signal: AbortSignal): Promise<void> {
    const failed: SnapshotManifest[] = [];
    let failure: SyncError | null = null;
    for await (const candidate of this.#candidates(signal)) {
      const { manifest } = candidate;
      if (failed.some((before) => isSame(before, manifest))) continue;
      if (failure !== null)
        this.#deps.hub.warn(failure.code, `Another snapshot is taken. ${failure.message}`);
      failure = (await this.#unconfirmed(manifest, signal)) ?? (await this.#try(candidate, signal));
      if (failure === null) return;
      failed.push(manifest);
    }
    throw failure ?? new TypeError('There was no snapshot to take.');
  }

  async *#candidates(signal: AbortSignal): AsyncGenerator<Candidate, void, undefined> {
    const begun = await this.#finder.begun();
    if (begun !== null) yield begun;
    yield* await this.#finder.find(signal);
  }

  /**
   * All blocks of a snapshot are final once it is imported: so its last one has to be confirmed before.
   *
   * @returns why it is not; `null` when as many peers have it as have to agree.
   */
  async #unconfirmed(manifest: SnapshotManifest, signal: AbortSignal): Promise<SyncError | null> {
    const { settings, parts } = this.#deps;
    const { agree: count, confirmTimeoutMs: withinMs } = settings;
    const [transport] = parts.transports;
    if (count <= 1 || transport === undefined) return null;
    const { chain, chainId, height, blockHash: hash, id } = manifest;
    const check = (status: PeerStatus): void => {
      checkPeerChain(status, chain, chainId);
    };
    const peers = this.#deps.peers().map(({ peer }) => peer);
    const wanted = { count, withinMs };
    const found = await countHolders({ transport, check }, peers, { height, hash }, wanted, signal);
    if (found >= count) return null;
    const message = `${found} of the ${count} peers that have to agree have block ${height} ${hash}, the last one of the snapshot ${id}.`;
    return new SyncError('HEADS_DISAGREE', message, { height });
  }

  /** @returns why the snapshot can't be taken; `null` once it is. @throws what another snapshot does not help against */
  async #try(candidate: Candidate, signal: AbortSignal): Promise<SyncError | null> {
    const suspects = new Map<Peer, SyncError>();
    try {
      await this.#take(candidate, suspects, signal);
    } catch (error) {
      throwIfAborted(signal);
      return this.#failed(candidate, suspects, error);
    }
    for (const [liar, error] of suspects) this.#drop(liar, error);
    return null;
  }

  /** @returns the failure of a snapshot. @throws what is none of the snapshot's, and what goes on at the next start */
  async #failed(
    { peer, verdict }: Candidate,
    suspects: ReadonlyMap<Peer, SyncError>,
    cause: unknown,
  ): Promise<SyncError> {
    if (!isSyncError(cause) || !isHopeless(cause)) throw cause;
    await this.forget();
    if (isLocal(cause)) throw cause;
    if (peer === null) return cause;
    const error = cause.at({ peer: peer.url });
    // Lengths of parts are under no signature: a false manifest makes liars of all peers but its giver.
    const proof = suspects.get(peer) ?? (verdict.pinned ? error : null);
    if (proof?.info.provesLie === true) this.#drop(peer, proof);
    return error;
  }

  #drop(peer: Peer, error: SyncError): void {
    this.#deps.hub.emit({ type: 'peer', peer: peer.url, status: 'dropped', error });
    this.#deps.onLiar(peer, error);
  }

  async #take(candidate: Candidate, suspects: Map<Peer, SyncError>, signal: AbortSignal): Promise<void> {
    const { hub, parts, settings } = this.#deps;
    const { workers } = this.#snapshots;
    const { manifest, verdict, peer } = candidate;
    const about = { id: manifest.id, snapshotType: manifest.type, base: manifest.base } as const;
    const place = { height: manifest.height, hash: manifest.blockHash };
    const meter = new SnapshotMeter(manifest);
    const tell = (status: 'begun' | 'resumed' | 'progress' | 'imported'): void => {
      const signed = { signers: verdict.signers, trusted: settings.trust?.signers.length ?? 0 };
      hub.snapshot({ type: 'snapshot', status, ...about, ...place, ...signed, ...meter.state });
    };
    tell(peer === null ? 'resumed' : 'begun');
    const onProgress = (progress: SnapshotProgress): void => {
      meter.download = progress;
      tell('progress');
    };
    await importSnapshot(
      {
        storage: parts.storage,
        known: this.#known(),
        manifest,
        verifier: await this.#verifier(manifest),
        items: this.#open(manifest, onProgress, suspects, signal),
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
    const uncovered = uncoveredText(manifest, settings);
    if (uncovered !== null) hub.warn('CHECKPOINT_UNCOVERED', uncovered);
  }

  /** Blocks of ours that a snapshot has to have: where others have to agree, the newest may be a liar's. */
  #known(): readonly BlockRef[] {
    const { parts, settings } = this.#deps;
    const { head, confirmed, finalized } = parts.storage.checkpoint();
    const known = settings.agree > 1 ? [confirmed, finalized] : [head, confirmed, finalized];
    return known.filter((ref) => ref !== null);
  }

  /** @param suspects - gets the peers whose parts are not those of the manifest: either is false. */
  #open(
    manifest: SnapshotManifest,
    onProgress: (progress: SnapshotProgress) => void,
    suspects: Map<Peer, SyncError>,
    signal: AbortSignal,
  ): ReturnType<SnapshotTransport['open']> {
    const { hub, settings } = this.#deps;
    const request = {
      manifest,
      peers: this.#deps.peers().map(({ peer }) => peer),
      directory: this.#snapshots.directory,
      maxBlockBytes: settings.limits.maxBlockBytes,
      onProgress,
      onPeerFailure: (peer: Peer, cause: Error): void => {
        const error = isSyncError(cause) ? cause : new SyncError('INTERNAL', cause.message, { cause });
        hub.emit({ type: 'peer', peer: peer.url, status: 'lost', error });
        if (error.info.provesLie) suspects.set(peer, error);
      },
    };
    return this.#snapshots.transport.open(request, { signal });
  }

  async #verifier({ chain, chainId, base, height }: SnapshotManifest): Promise<Verifier> {
    const { parts, settings } = this.#deps;
    const rules = await parts.rules(chain);
    const deps = {
      rules,
      producers: producersOf(settings.producers, rules, parts.codecs),
      // The newest one among them, which vouches for all.
      signedFrom: () => nearHead(height),
      codecs: parts.codecs,
      encoding: StorageEncoding.raw,
      pins: settings.pins,
      name: { chainId, isPinned: settings.chainId !== null },
      maxBlockBytes: settings.limits.maxBlockBytes,
      tiles: null,
      // What is timed are blocks of the chain.
      tally: new ChainTally(),
    };
    return new Verifier(deps, { head: null, base });
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

/** Whether two manifests say the same, whoever signed them. */
function isSame(one: SnapshotManifest, other: SnapshotManifest): boolean {
  const [a, b] = [one, other].map((manifest) => JSON.stringify({ ...manifest, parts: [], signatures: [] }));
  if (a !== b || one.parts.length !== other.parts.length) return false;
  return one.parts.every(({ length, rawLength, sha256 }, index) => {
    const part = other.parts[index];
    return part?.length === length && part.rawLength === rawLength && part.sha256 === sha256;
  });
}
