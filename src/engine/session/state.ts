import type { Branch } from './branch.js';

/** The peer was asked for what is behind our head, and has not answered. */
export interface Asking {
  readonly at: 'asking';
  /** Something came. */
  answered(): Committing;
  /** The peer is on another branch, and is asked for it. */
  branched(branch: Branch): AskingBranch;
}

/** The peer was asked for its branch, and has not answered. */
export interface AskingBranch {
  readonly at: 'asking-branch';
  readonly branch: Branch;
  /** Something came. */
  answered(): Proving;
  /** The peer's branch leaves ours further back, and is asked for from there. */
  branched(branch: Branch): AskingBranch;
}

/** It is open which branch wins: verified blocks of the peer's wait, and ours stand. */
export interface Proving {
  readonly at: 'proving';
  readonly branch: Branch;
  /** Whether the peer has sent all it had, and is followed; `held`: it has, and that was not told, since ours is kept. */
  readonly live: 'no' | 'held' | 'told';
  /** The peer went back further than its branch begins. */
  branched(branch: Branch): Proving;
  /** The peer has sent all it had. @param told - whether the node counts as live with it. */
  wentLive(told: boolean): Proving;
  /** The branch has taken the place of ours, or the peer is on ours again. */
  settled(): Committing | Live;
}

/** Verified blocks go to the store. */
export interface Committing {
  readonly at: 'committing';
  /** All that the peer had is durable. */
  wentLive(): Live;
  /** The peer is on another branch, and is asked for it. */
  branched(branch: Branch): AskingBranch;
  /** The peer went back on blocks that it has sent. */
  wentBack(branch: Branch): Proving;
}

/** Blocks come as they are made, and go to the store. */
export interface Live {
  readonly at: 'live';
  /** The peer says once more that this is all. */
  wentLive(): Live;
  /** The peer is on another branch, and is asked for it. */
  branched(branch: Branch): AskingBranch;
  /** The peer went back on blocks that it has sent. */
  wentBack(branch: Branch): Proving;
}

/**
 * Where a session stands. Each state has the transitions that are allowed from it as methods, so that no other one can be
 * written.
 */
export type SessionState = Asking | AskingBranch | Proving | Committing | Live;

/** States in which ours is kept until the peer's branch is proved. */
export type OnBranch = AskingBranch | Proving;

const LIVE: Live = {
  at: 'live',
  wentLive: () => LIVE,
  branched,
  wentBack: (branch) => proving(branch, 'told'),
};
const COMMITTING: Committing = {
  at: 'committing',
  wentLive: () => LIVE,
  branched,
  wentBack: (branch) => proving(branch, 'no'),
};
/** Where each session begins. */
export const ASKING: Asking = { at: 'asking', answered: () => COMMITTING, branched };

function branched(branch: Branch): AskingBranch {
  return { at: 'asking-branch', branch, answered: () => proving(branch, 'no'), branched };
}

function proving(branch: Branch, live: Proving['live']): Proving {
  return {
    at: 'proving',
    branch,
    live,
    branched: (other) => proving(other, live),
    wentLive: (told) => proving(branch, told || live === 'told' ? 'told' : 'held'),
    settled: () => (live === 'no' ? COMMITTING : LIVE),
  };
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

/** Whether the peer has sent all it had, and what comes is new. */
export function isLive(state: SessionState): boolean {
  return state.at === 'live' || (state.at === 'proving' && state.live !== 'no');
}
