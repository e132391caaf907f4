import type { BlockRef, Peer, PeerStatus, SnapshotClaims, SnapshotManifest } from '../../contracts/index.js';
import { isSyncError, SyncError } from '../../errors/index.js';
import { sleep, throwIfAborted } from '../../internal/abort.js';
import { LinkedAbort } from '../../internal/linked-abort.js';
import type { EngineParts, EngineSettings, SnapshotParts } from '../engine-parts.js';
import type { EventHub } from '../events/event-hub.js';
import { chooseRules } from '../handshake.js';
import { checkCovered } from './covered.js';
import { checkTrust, type TrustVerdict } from './trust.js';

/** Name under which a store keeps the newest height that a snapshot was trusted for. */
export const TRUSTED_CURSOR = 'blockferry:trusted';

/** How long a snapshot that is being made is waited for in all, and between two questions at least. */
const MAX_BUILD_WAIT_MS = 120_000;
const MIN_BUILD_WAIT_MS = 1_000;
/** Once there is a manifest that can be trusted, the other peers are waited for at most this long. */
const OTHERS_MS = 5_000;

/** A peer to ask, and what it said of itself. */
export interface SnapshotPeer {
  readonly peer: Peer;
  /** `null` before it did, and for a plain server. */
  readonly status: PeerStatus | null;
}

/** A snapshot that may be taken. */
export interface Candidate {
  readonly manifest: SnapshotManifest;
  readonly verdict: TrustVerdict;
  /** Who gave the manifest; `null` for one that an earlier run has kept. */
  readonly peer: Peer | null;
}

/** What finding a snapshot works with. */
export interface SnapshotFinderDeps {
  readonly settings: EngineSettings;
  readonly parts: EngineParts;
  readonly hub: EventHub;
  /** Peers that may be asked; the first is asked for its word on the chain where another one says nothing. */
  peers(): readonly SnapshotPeer[];
}

/** Finds the snapshots that may be taken. */
export class SnapshotFinder {
  readonly #deps: SnapshotFinderDeps;
  readonly #snapshots: SnapshotParts;

  constructor(deps: SnapshotFinderDeps, snapshots: SnapshotParts) {
    this.#deps = deps;
    this.#snapshots = snapshots;
  }

  /** A download that was begun and is still worth going on with. */
  async begun(): Promise<Candidate | null> {
    const { directory, transport } = this.#snapshots;
    const manifest = directory === null ? null : await transport.begun(directory);
    if (directory === null || manifest === null) return null;
    const known = this.#deps.peers().map(({ status }) => status);
    // One peer that names another chain takes nothing from what was trusted before.
    const status = known.find((each) => each?.chainId === manifest.chainId) ?? known[0] ?? null;
    try {
      return { manifest, verdict: await this.#verdict(manifest, status), peer: null };
    } catch (error) {
      if (!isSyncError(error)) throw error;
      this.#deps.hub.warn(error.code, `A download that was begun is given up. ${error.message}`);
      await transport.forget(directory);
      return null;
    }
  }

  /**
   * The snapshots of all peers that may be taken, the newest first; of equal ones that of the peer that comes first. Waits
   * while one is being made, within bounds: the one who asks first has it made.
   *
   * @throws SyncError when there is none.
   */
  async find(signal: AbortSignal): Promise<readonly Candidate[]> {
    let waitedMs = 0;
    for (let attempt = 1; ; attempt++) {
      const answers = await this.#ask(signal);
      const found = answers.filter((answer): answer is Candidate => !isSyncError(answer));
      if (found.length > 0) return found.toSorted((a, b) => b.manifest.height - a.manifest.height);
      const failures = answers.filter((answer) => isSyncError(answer));
      const building = failures.find(({ code }) => code === 'SNAPSHOT_BUILDING');
      const error = building ?? failures[0] ?? new TypeError('A run needs at least one peer.');
      if (building === undefined || waitedMs >= MAX_BUILD_WAIT_MS) throw error;
      const delayMs = Math.max(building.context.retryAfterMs ?? 0, MIN_BUILD_WAIT_MS);
      const { peer = '' } = building.context;
      this.#deps.hub.emit({ type: 'retry', peer, error: building, attempt, delayMs });
      await sleep(delayMs, signal);
      waitedMs += delayMs;
    }
  }

  /** What each peer has, in their order: a snapshot that may be taken, or why there is none. */
  async #ask(signal: AbortSignal): Promise<readonly (Candidate | SyncError)[]> {
    const limit = new LinkedAbort(signal);
    const late: { timer: ReturnType<typeof setTimeout> | null } = { timer: null };
    try {
      const asked = this.#deps.peers().map(async (peer) => {
        const answer = await this.#answer(peer, limit.signal);
        throwIfAborted(signal);
        if (isSyncError(answer)) return answer;
        late.timer ??= setTimeout(() => {
          limit.abort(tooLate());
        }, OTHERS_MS);
        return answer;
      });
      return await Promise.all(asked);
    } finally {
      if (late.timer !== null) clearTimeout(late.timer);
      limit.abort();
      limit.release();
    }
  }

  async #answer(peer: SnapshotPeer, signal: AbortSignal): Promise<Candidate | SyncError> {
    try {
      return await this.#candidate(peer, signal);
    } catch (error) {
      if (!isSyncError(error)) throw error;
      return error.at({ peer: peer.peer.url });
    }
  }

  /** A peer's manifest. Its parts are not looked at before its word is taken. */
  async #candidate({ peer, status }: SnapshotPeer, signal: AbortSignal): Promise<Candidate> {
    const { codecs } = this.#snapshots;
    const want = { type: this.#deps.settings.snapshotType, codecs, offered: status?.snapshots ?? [] };
    const word = status ?? this.#deps.peers()[0]?.status ?? null;
    const told: { verdict: TrustVerdict | null } = { verdict: null };
    const check = async (claims: SnapshotClaims): Promise<void> => {
      told.verdict = await this.#verdict(claims, word);
    };
    const manifest = await this.#snapshots.transport.manifest(peer, want, { signal, check });
    if (manifest === null) {
      const message = `${peer.url} has no snapshot of type ${want.type} in a codec of this node (${codecs.join(', ')}).`;
      throw new SyncError('SNAPSHOT_UNAVAILABLE', message, { peer: peer.url });
    }
    // A plugin's transport may leave the check to its caller.
    return { manifest, verdict: told.verdict ?? (await this.#verdict(manifest, word)), peer };
  }

  /** @throws SyncError for what is not taken */
  async #verdict(claims: SnapshotClaims, status: PeerStatus | null): Promise<TrustVerdict> {
    this.#checkWanted(claims);
    const verdict = await this.#trust(claims, status);
    checkCovered(claims, verdict, this.#deps.settings);
    return verdict;
  }

  /** @throws SyncError `SNAPSHOT_UNAVAILABLE` when a manifest is not of the kind that is wanted now. */
  #checkWanted({ id, type, codec, height, base }: SnapshotClaims): void {
    const { snapshotType, to, base: first } = this.#deps.settings;
    const fits = type === snapshotType && this.#snapshots.codecs.includes(codec);
    if (!fits || (to !== null && height > to)) {
      const message = `The snapshot ${id} (${type}, ${codec}) is not of the kind that is wanted, or ends above \`to\`.`;
      throw new SyncError('SNAPSHOT_UNAVAILABLE', message);
    }
    if (type !== 'full' || base === 0 || base === first) return;
    const message = `The snapshot ${id} says that it is full, but begins at block ${base}, not at the first, which is ${first}.`;
    throw new SyncError('SNAPSHOT_UNAVAILABLE', message);
  }

  /** Peers' words on the chain count where neither the host nor the store says which it is. */
  async #trust(claims: SnapshotClaims, status: PeerStatus | null): Promise<TrustVerdict> {
    const { parts, settings } = this.#deps;
    const identity = parts.storage.identity();
    return checkTrust(claims, {
      trust: settings.trust,
      scheme: await parts.signatures(),
      now: Date.now,
      chain: chooseRules({ configured: settings.chain, identity, adoptable: parts.adoptableRules }, status),
      chainId: settings.chainId ?? identity?.chainId ?? status?.chainId ?? null,
      newest: await this.#newest(),
    });
  }

  /** The highest block that this node has stood at or trusted, in this run or an earlier one. */
  async #newest(): Promise<BlockRef | null> {
    const { storage } = this.#deps.parts;
    const known = [storage.checkpoint().head, await storage.cursor(TRUSTED_CURSOR)];
    return known.reduce((best, each) => ((each?.height ?? -1) > (best?.height ?? -1) ? each : best), null);
  }
}

function tooLate(): SyncError {
  return new SyncError('PEER_TIMEOUT', 'The manifest came too late: another peer has one that is taken.');
}
