import { SyncError } from '../../errors/index.js';
import type { PeerRecord } from './peer-record.js';

/** Waiting time that one figure of the rate rests on, in milliseconds. */
const SAMPLE_MS = 2_000;
/** Waiting time after which a rate below the minimum counts. */
const WINDOW_MS = 20_000;
/** A figure of less than this much is chance. */
const MIN_SAMPLE_BYTES = 64 * 1024;

/**
 * Measures the rate of one peer over the time that was spent waiting for it: what this node needs for itself is not the
 * peer's fault.
 */
export class RateWatch {
  readonly #record: PeerRecord;
  readonly #minBytesPerSecond: number;
  readonly #hasOthers: () => boolean;
  #sample = { bytes: 0, ms: 0 };
  #window = { bytes: 0, ms: 0 };
  #live = false;

  /** @param hasOthers - whether another peer could be asked instead. */
  constructor(record: PeerRecord, minBytesPerSecond: number, hasOthers: () => boolean) {
    this.#record = record;
    this.#minBytesPerSecond = minBytesPerSecond;
    this.#hasOthers = hasOthers;
  }

  /** From now on blocks come as they are made: how fast is not for the peer to say. */
  live(): void {
    this.#end();
    this.#live = true;
  }

  /** @throws SyncError `PEER_SLOW` */
  received(bytes: number, waitMs: number): void {
    if (this.#live) return;
    for (const span of [this.#sample, this.#window]) {
      span.bytes += bytes;
      span.ms += waitMs;
    }
    if (this.#sample.ms >= SAMPLE_MS) this.#end();
    if (this.#window.ms < WINDOW_MS) return;
    const rate = (this.#window.bytes * 1000) / this.#window.ms;
    this.#window = { bytes: 0, ms: 0 };
    if (rate < this.#minBytesPerSecond && this.#hasOthers()) throw slow(this.#record, rate);
  }

  #end(): void {
    const { bytes, ms } = this.#sample;
    this.#sample = { bytes: 0, ms: 0 };
    if (ms >= SAMPLE_MS || bytes >= MIN_SAMPLE_BYTES)
      this.#record.bytesPerSecond.add((bytes * 1000) / Math.max(ms, 1));
  }
}

function slow({ peer }: PeerRecord, rate: number): SyncError {
  const message = `${peer.url} sent ${Math.round(rate)} bytes a second over the last ${WINDOW_MS / 1000} s.`;
  return new SyncError('PEER_SLOW', message, { peer: peer.url });
}
