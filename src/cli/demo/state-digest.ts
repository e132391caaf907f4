import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { openPlanned } from '../../open-chain.js';
import { storePlan } from '../options.js';
import ledger from './ledger.js';

/** Path of the module with the demonstration's state transition, for `--state`. */
export const LEDGER_MODULE = fileURLToPath(new URL('ledger.js', import.meta.url));

/** The state of a store in figures. */
export interface StateDigest {
  /** Of all keys and values. */
  readonly sha256: string;
  readonly accounts: number;
  readonly contracts: number;
}

/** Reads the whole state of a store. */
export async function stateDigest(data: string): Promise<StateDigest> {
  const chain = await openPlanned(storePlan({ data }, false, { stateTransition: ledger }));
  try {
    const hash = createHash('sha256');
    const counts = { accounts: 0, contracts: 0 };
    for (const table of ['accounts', 'contracts'] as const) {
      for await (const entry of chain.stateEntries(table)) {
        counts[table] += 1;
        hash.update(`${JSON.stringify([table, ...entry])}\n`);
      }
    }
    return { sha256: hash.digest('hex'), ...counts };
  } finally {
    await chain.close();
  }
}
