import type { BranchProof } from './fork.js';

/** The peer was asked for what is behind our head, and has not answered. */
export interface Asking {
  readonly at: 'asking';
  /** Something came. */
  answered(): Committing;
  /** The peer is on another branch, and is asked for it. */
  branched(proof: BranchProof): AskingBranch;
}

/** The peer was asked for its branch, and has not answered. */
export interface AskingBranch {
  readonly at: 'asking-branch';
  readonly proof: BranchProof;
  /** Something came. */
  answered(): Proving;
}

/** It is open which branch wins: verified blocks wait in the proof. */
export interface Proving {
  readonly at: 'proving';
  readonly proof: BranchProof;
  /** There is enough of the peer's branch: it takes the place of ours. */
  proved(): Committing;
}

/** Verified blocks go to the store. */
export interface Committing {
  readonly at: 'committing';
  /** All that the peer had is durable. */
  wentLive(): Live;
  /** The peer is on another branch, and is asked for it. */
  branched(proof: BranchProof): AskingBranch;
}

/** Blocks come as they are made, and go to the store. */
export interface Live {
  readonly at: 'live';
  /** The peer says once more that this is all. */
  wentLive(): Live;
  /** The peer is on another branch, and is asked for it. */
  branched(proof: BranchProof): AskingBranch;
}

/**
 * Where a session stands. Each state has the transitions that are allowed from it as methods, so that no other one can be
 * written.
 */
export type SessionState = Asking | AskingBranch | Proving | Committing | Live;

/** States in which ours is kept until the peer's branch is proved. */
export type OnBranch = AskingBranch | Proving;

const LIVE: Live = { at: 'live', wentLive: () => LIVE, branched };
const COMMITTING: Committing = { at: 'committing', wentLive: () => LIVE, branched };
/** Where each session begins. */
export const ASKING: Asking = { at: 'asking', answered: () => COMMITTING, branched };

function branched(proof: BranchProof): AskingBranch {
  return { at: 'asking-branch', proof, answered: () => proving(proof) };
}

function proving(proof: BranchProof): Proving {
  return { at: 'proving', proof, proved: () => COMMITTING };
}

/** The state now that the peer has answered, for the first time or again. */
export function answered(state: SessionState): Exclude<SessionState, Asking | AskingBranch> {
  return isAsking(state) ? state.answered() : state;
}

/** Whether the peer has not answered. */
export function isAsking(state: SessionState): state is Asking | AskingBranch {
  return state.at === 'asking' || state.at === 'asking-branch';
}

/** Whether ours is kept until the peer's branch is proved. */
export function isOnBranch(state: SessionState): state is OnBranch {
  return state.at === 'asking-branch' || state.at === 'proving';
}
