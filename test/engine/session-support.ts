import type { ExecutionContext } from 'ava';
import type { BlockRef, WireItem } from '../../src/contracts/index.js';
import { SyncError } from '../../src/errors/index.js';
import { EngineTally } from '../../src/engine/engine-tally.js';
import { RollbackLimit } from '../../src/engine/peers/rollback-limit.js';
import type { BranchRules } from '../../src/engine/session/branch.js';
import type { SessionFact } from '../../src/engine/session/fact.js';
import { runSession, type SessionDeps } from '../../src/engine/session/session.js';
import type { Chain } from '../../src/index.js';
import { refAt } from './follow-support.js';

/** What a peer answers when it is asked: what it sends, read by read, and how it fails at last. */
export interface Answer {
  readonly reads: readonly (readonly WireItem[])[];
  readonly failure?: SyncError;
}

export const asFrames = (documents: readonly Uint8Array[]): readonly WireItem[] =>
  documents.map((bytes) => ({ kind: 'frame', height: null, codec: 'identity', bytes }));
export const completeAt = (head: BlockRef): WireItem => ({ kind: 'complete', head });

export interface Told {
  readonly facts: readonly SessionFact[];
  /** Asked for blocks behind these heights. */
  readonly asked: readonly (number | undefined)[];
  readonly error: unknown;
}

export const RULES: BranchRules = {
  maxRollbackBlocks: 64,
  maxBranchBytes: 256 * 1024 * 1024,
  acceptRollback: null,
  takesTie: () => true,
  tookTie: () => undefined,
  agree: 1,
  isPreferred: () => Promise.resolve(false),
};

/** Runs a session whose peer gives these answers, one after the other. */
export async function tellAll(
  chain: Chain,
  answers: readonly Answer[],
  more: Partial<SessionDeps> = {},
): Promise<Told> {
  const facts: SessionFact[] = [];
  const asked: (number | undefined)[] = [];
  const deps: SessionDeps = {
    chain,
    tally: new EngineTally(),
    peer: { url: 'http://one.test/sync', headers: {} },
    status: null,
    to: null,
    follow: false,
    batch: { maxBatchBlocks: 3, maxPendingBytes: 1_000_000 },
    branches: RULES,
    trustsRollbacks: false,
    rollbackLimit: new RollbackLimit(() => 0),
    async *open({ after }) {
      const { reads = [], failure } = answers[asked.push(after?.height) - 1] ?? {};
      yield* reads;
      await Promise.resolve();
      if (failure !== undefined) throw failure;
    },
    reopens: () => false,
    isOver: () => false,
    ready: () => Promise.resolve(),
    onFact: (fact) => facts.push(fact),
    onFailure: () => undefined,
    ...more,
  };
  const error: unknown = await runSession(deps, new AbortController().signal).catch(
    (cause: unknown) => cause,
  );
  return { facts, asked, error };
}

/** The heights in each durable batch, the drops, and the other facts in short. */
export function short(facts: readonly SessionFact[]): readonly string[] {
  return facts.map((fact) => {
    if (fact.kind === 'durable') return `+ ${fact.frames.map(({ header }) => header.height).join(' ')}`;
    if (fact.kind === 'dropped')
      return `- ${fact.dropped.map(({ height }) => height).join(' ')} to ${fact.to.height}`;
    return fact.kind === 'fork' ? `fork ${fact.fork}` : fact.kind;
  });
}

/** The peer is not on the chain of the one who asks, but has these blocks of it. */
export async function notMine(
  t: ExecutionContext,
  source: Chain,
  heights: readonly number[],
): Promise<SyncError> {
  t.true(heights.length > 0);
  const ancestors = await Promise.all(heights.map((height) => refAt(source, height)));
  return new SyncError('FORKED', 'not on this chain', { ancestors });
}
