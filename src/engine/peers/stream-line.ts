/** Streams get through to here, as far as is known. */
export interface Clear {
  readonly at: 'clear';
  /** A stream was mute: something on the way may hold it back, or the peer stood still for a while. */
  muted(nowMs: number, retryMs: number): Doubtful;
}

/** A stream was mute. The next one is tried at once, beside the long poll that brings the blocks. */
export interface Doubtful {
  readonly at: 'doubtful';
  /** When a stream is tried again. */
  readonly retryAtMs: number;
  /** Another one was mute. */
  muted(nowMs: number, retryMs: number): Buffered;
  /** Trying has shown nothing, as where there was no place for a stream. */
  untold(nowMs: number, retryMs: number): Doubtful;
  /** A stream has sent something. */
  passed(): Clear;
}

/** Two streams in a row were mute: something on the way holds them back. */
export interface Buffered {
  readonly at: 'buffered';
  /** When a stream is tried again. */
  readonly retryAtMs: number;
  /** One more was mute. */
  muted(nowMs: number, retryMs: number): Buffered;
  /** Trying has shown nothing. */
  untold(nowMs: number, retryMs: number): Buffered;
  /** A stream has sent something. */
  passed(): Clear;
}

/** What is known of the line that a peer's streams come over; times are on the clock of the run. */
export type StreamLine = Clear | Doubtful | Buffered;

/** How each line begins. */
export const CLEAR: Clear = { at: 'clear', muted: (nowMs) => doubtful(nowMs) };

function doubtful(retryAtMs: number): Doubtful {
  return {
    at: 'doubtful',
    retryAtMs,
    muted: buffered,
    untold: (nowMs, retryMs) => doubtful(nowMs + retryMs),
    passed: () => CLEAR,
  };
}

function buffered(nowMs: number, retryMs: number): Buffered {
  return {
    at: 'buffered',
    retryAtMs: nowMs + retryMs,
    muted: buffered,
    untold: buffered,
    passed: () => CLEAR,
  };
}
