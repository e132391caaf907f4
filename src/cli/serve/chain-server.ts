import { join } from 'node:path';
import type { Chain } from '../../chain/chain.js';
import type { SyncEngine } from '../../engine/sync-engine.js';
import { serverOf } from '../../server/create-server.js';
import type { Authorize } from '../../server/access/types.js';
import type { SyncServer, SyncServerConfig } from '../../server/index.js';
import { type ServicePlan, servicePlan } from '../../server/plan.js';
import { createMetrics } from '../../metrics/index.js';
import { UsageError } from '../exit.js';
import { type LogForm, loggerOf } from '../log.js';
import type { StoreOptions } from '../options.js';
import { planned } from '../planned.js';
import type { Reporter } from '../reporter.js';
import { tokenFile } from './token-file.js';
import { warn } from './front.js';

/** What a command was told of what to serve. */
export interface ServerArguments extends Pick<StoreOptions, 'data' | 'store'> {
  readonly snapshots?: string;
  readonly key?: string;
  readonly snapshotEvery?: number;
  readonly maxBlockBytes: number;
  readonly cache: NonNullable<SyncServerConfig['cache']>;
  readonly metrics?: boolean;
  readonly log?: LogForm;
  readonly tokenFile?: string;
  readonly ui?: boolean;
  readonly maxBehindBlocks?: number;
  readonly maxBehind?: number;
}

/** What a command serves by. */
export interface ChainServer {
  /** Makes the server of a chain, and of the engine that brings it blocks; its failures are told as warnings. */
  readonly make: (chain: Chain, engine?: SyncEngine) => SyncServer;
  /** Says who asks; `null` for everybody. */
  readonly authorize: Authorize | null;
}

/** What a command has to say while it serves, and to hear. */
export interface ServerHooks {
  readonly isCatchingUp?: () => boolean;
  readonly onSnapshot?: () => void;
}

/**
 * Prepares serving, so that what the command was told wrongly is known before anything is opened.
 *
 * @param hooks - `isCatchingUp`: whether new blocks are no reason for a snapshot now; `onSnapshot`: runs when one was made.
 * @throws UsageError; SyncError `KEY_UNUSABLE`
 */
export async function chainServer(
  options: ServerArguments,
  out: Reporter,
  { isCatchingUp = () => false, onSnapshot = () => undefined }: ServerHooks = {},
): Promise<ChainServer> {
  const snapshots = await snapshotOptions(options, out, onSnapshot);
  const metrics = options.metrics === true ? createMetrics() : null;
  const authorize = options.tokenFile === undefined ? null : await tokenFile(options.tokenFile);
  const config = {
    snapshots: snapshots === null ? null : { ...snapshots, isCatchingUp },
    cache: options.cache,
    metrics,
    authorize,
    logger: loggerOf(options.log),
    limits: { maxBlockBytes: options.maxBlockBytes },
    onError: (error: unknown): void => {
      warn(out, error);
    },
  };
  const plan = planned(() => servicePlan('blockferry', config));
  const { maxBehindBlocks, maxBehind } = options;
  const readiness = (engine: SyncEngine | null): ServicePlan['readiness'] =>
    planned(() =>
      servicePlan('blockferry', {
        readiness: {
          engine,
          ...(maxBehindBlocks === undefined ? {} : { maxBehindBlocks }),
          ...(maxBehind === undefined ? {} : { maxBehindMs: maxBehind * 1000 }),
        },
      }),
    ).readiness;
  // What is wrong of it is known before anything is opened.
  readiness(null);
  return {
    authorize,
    make: (chain, engine) => {
      metrics?.watch(engine ?? chain);
      return serverOf({
        ...plan,
        source: chain,
        readiness: readiness(engine ?? null),
      });
    },
  };
}

/** Snapshots are served when there is a key to sign them with. */
async function snapshotOptions(
  { data, snapshots, key, snapshotEvery }: ServerArguments,
  out: Reporter,
  onSnapshot: () => void,
): Promise<NonNullable<SyncServerConfig['snapshots']> | null> {
  if (key === undefined) {
    if (snapshotEvery !== undefined) throw new UsageError('--snapshot-every needs --key.');
    return null;
  }
  const directory = snapshots ?? (data === undefined ? null : join(data, 'snapshots'));
  if (directory === null) throw new UsageError('--key needs --snapshots for a store in a database.');
  const { readKeyFile } = await import('../../../plugins/signer-secp256k1/index.js');
  return {
    signer: await readKeyFile(key),
    directory,
    ...(snapshotEvery === undefined ? {} : { every: snapshotEvery }),
    onEvent: (event) => {
      if (event.kind === 'finished') {
        const { id, height, size } = event.manifest;
        out.emit({ type: 'built', id, height, size, elapsedMs: Math.round(event.elapsedMs) });
        onSnapshot();
      } else if (event.kind === 'failed' || event.kind === 'unusable') {
        warn(out, event.error);
      } else if (event.kind === 'skipped') {
        const { type, codec, neededBytes, roomBytes } = event;
        const message = `No room for a snapshot (${type}, ${codec}): ${neededBytes} bytes are needed, ${roomBytes} are left.`;
        warn(out, new Error(message));
      }
    },
  };
}
