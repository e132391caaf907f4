import type { SyncState } from '../../engine/events/events.js';
import {
  duration,
  integer,
  isObject,
  object,
  optional,
  type Reader,
  type SpecOf,
  unfit,
  withDefault,
} from '../../internal/options/index.js';

/** What is looked at of an engine to know whether its node is ready: a `SyncEngine` is one. */
export interface WatchedEngine {
  readonly state: Pick<SyncState, 'phase' | 'progress' | 'stale'>;
  readonly states: {
    /** Calls back with each new state. */
    subscribe(listener: (state: Pick<SyncState, 'phase'>) => void): {
      /** Ends that. */
      unsubscribe(): void;
    };
  };
}

/** When a node that follows others, or reads what another process writes, is ready to serve. */
export interface ReadinessConfig {
  /**
   * The engine that brings the blocks; `null` for none.
   *
   * @defaultValue `null`
   */
  readonly engine?: WatchedEngine | null;
  /**
   * How many blocks it may be behind the head that its peer has, or behind the writer of its store.
   *
   * @defaultValue 10
   */
  readonly maxBehindBlocks?: number;
  /**
   * How long ago it may have been `synced` last, or have shown all that the writer of its store has written, in
   * milliseconds: a peer or a database that is lost for so long leaves it ready.
   *
   * @defaultValue 60,000
   */
  readonly maxBehindMs?: number;
}

/** Readers of {@link ReadinessConfig}. */
export const READINESS = {
  engine: optional(watchedEngine()),
  maxBehindBlocks: withDefault(integer(), 10),
  maxBehindMs: withDefault(duration({ min: 0 }), 60_000),
} satisfies SpecOf<ReadinessConfig>;

/** Reads when a server is ready. */
export const readiness = optional(object(READINESS));

function watchedEngine(): Reader<WatchedEngine> {
  const expects = 'an engine, as `createSyncEngine` makes';
  return {
    expects,
    read(value, where) {
      if (!isObject(value)) throw unfit(where, expects, value);
      const { state, states } = value;
      if (!isObject(state) || !isObject(states) || typeof states['subscribe'] !== 'function')
        throw unfit(where, expects, value);
      return value as unknown as WatchedEngine;
    },
  };
}
