import { join } from 'node:path';
import type { Chain } from '../../chain/chain.js';
import { serverOf } from '../../server/create-server.js';
import type { SyncServer, SyncServerConfig } from '../../server/index.js';
import { servicePlan } from '../../server/plan.js';
import { failureOf, UsageError } from '../exit.js';
import { planned } from '../planned.js';
import type { Reporter } from '../reporter.js';
import { type FrontOptions, UI_PATH } from './front.js';

/** What a command was told of what to serve. */
export interface ServerArguments {
  readonly data: string;
  readonly key?: string;
  readonly snapshotEvery?: number;
  readonly maxBlockBytes: number;
  readonly cache: NonNullable<SyncServerConfig['cache']>;
  readonly ui?: boolean;
}

/**
 * Prepares serving, so that what the command was told wrongly is known before anything is opened.
 *
 * @param isCatchingUp - whether new blocks are no reason for a snapshot now.
 * @returns makes the server of a chain; its failures are told as warnings.
 * @throws UsageError; SyncError `KEY_UNUSABLE`
 */
export async function chainServer(
  options: ServerArguments,
  out: Reporter,
  isCatchingUp: () => boolean = () => false,
): Promise<(chain: Chain) => SyncServer> {
  const snapshots = await snapshotOptions(options, out);
  const config = {
    snapshots: snapshots === null ? null : { ...snapshots, isCatchingUp },
    cache: options.cache,
    limits: { maxBlockBytes: options.maxBlockBytes },
    onError: (error: unknown): void => {
      warn(out, error);
    },
  };
  const plan = planned(() => servicePlan('blockferry', config));
  return (chain) => serverOf({ ...plan, source: chain });
}

/** Snapshots are served when there is a key to sign them with. */
async function snapshotOptions(
  { data, key, snapshotEvery }: ServerArguments,
  out: Reporter,
): Promise<NonNullable<SyncServerConfig['snapshots']> | null> {
  if (key === undefined) {
    if (snapshotEvery !== undefined) throw new UsageError('--snapshot-every needs --key.');
    return null;
  }
  const { readKeyFile } = await import('../../../plugins/signer-secp256k1/index.js');
  return {
    signer: await readKeyFile(key),
    directory: join(data, 'snapshots'),
    ...(snapshotEvery === undefined ? {} : { every: snapshotEvery }),
    onEvent: (event) => {
      if (event.kind === 'finished') {
        const { id, height, size } = event.manifest;
        out.emit({ type: 'built', id, height, size, elapsedMs: Math.round(event.elapsedMs) });
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

/** What a command's front has beside the server. */
export function frontOptions({ ui }: Pick<ServerArguments, 'ui'>, out: Reporter): FrontOptions {
  return {
    ui,
    onError: (error) => {
      warn(out, error);
    },
  };
}

/** Tells where a command listens. */
export function tellAddress(out: Reporter, url: string, { ui = false }: Pick<ServerArguments, 'ui'>): void {
  out.emit({ type: 'listening', url });
  if (ui) out.emit({ type: 'step', step: 'ui', text: `The dashboard is at ${url}${UI_PATH}.` });
}

function warn(out: Reporter, error: unknown): void {
  const { message, height } = failureOf(error);
  out.emit({ type: 'warning', code: 'INTERNAL', message, height });
}
