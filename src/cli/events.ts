import type { StorageRole } from '../contracts/index.js';
import type { BlockRef, ErrorCode, ProgressEvent, SnapshotType, SyncEvent } from '../index.js';

/** The server takes requests. */
export interface ListeningEvent {
  readonly type: 'listening';
  /** Origin of the server; the routes are below `/sync`. */
  readonly url: string;
}

/** Blocks that were appended here are durable up to `head`. */
export interface AppendedEvent {
  readonly type: 'checkpoint';
  readonly head: BlockRef;
  readonly finalized: BlockRef | null;
}

/** A line of an input was refused; the command goes on with the next one. */
export interface RefusedEvent {
  readonly type: 'warning';
  readonly code: ErrorCode;
  readonly message: string;
  /** Height of the refused block; `null` when it isn't known. */
  readonly height: number | null;
}

/** How reading an input gets on. */
export interface InputProgressEvent extends ProgressEvent {
  readonly inputBytes: number;
  /** `null` for an input whose end isn't known. */
  readonly inputTotalBytes: number | null;
}

/** How making a snapshot gets on. */
export interface BuildEvent {
  readonly type: 'build';
  readonly snapshotType: SnapshotType;
  readonly codec: string;
  readonly height: number;
  readonly blocks: number;
  readonly totalBlocks: number;
  readonly rawBytes: number;
  readonly bytes: number;
}

/** A snapshot was made, or could not be made, by the server. */
export interface BuiltEvent {
  readonly type: 'built';
  readonly id: string;
  readonly height: number;
  readonly size: number;
  readonly elapsedMs: number;
}

/** What is served was published. */
export interface PublishedEvent {
  readonly type: 'published';
  /** The directory, or the bucket. */
  readonly place: string;
  /** The newest block that is published. */
  readonly height: number;
  readonly newFiles: number;
  readonly newBytes: number;
}

/** Which of the processes that share a store writes it has changed, or is told first. */
export interface RoleEvent {
  readonly type: 'role';
  readonly role: StorageRole;
}

/** A step of the demonstration began or ended. */
export interface StepEvent {
  readonly type: 'step';
  readonly step: string;
  readonly text: string;
}

/** Everything a command tells while it runs: the engine's events and the command line's own. */
export type CliEvent =
  | SyncEvent
  | ListeningEvent
  | AppendedEvent
  | RefusedEvent
  | InputProgressEvent
  | BuildEvent
  | BuiltEvent
  | PublishedEvent
  | RoleEvent
  | StepEvent;
