// Runs in the browser, on the page or in a worker: what a test asks for, with what it answers as plain values.
import {
  type BrowserEngineConfig,
  createSyncEngine,
  isSyncError,
  type SyncEngine,
  type SyncEvent,
} from 'blockferry/browser';

/** What a test asks for. */
export type Wanted = Pick<BrowserEngineConfig, 'peers' | 'mode' | 'to' | 'producers' | 'limits' | 'chain'>;

/** What became of it. */
export interface Outcome {
  /** `null` where it went well. */
  readonly code: string | null;
  readonly message: string;
  readonly head: { readonly height: number; readonly hash: string } | null;
  /** The ways that were taken. */
  readonly modes: readonly string[];
  /** The codes of warnings, and of failures of peers. */
  readonly told: readonly string[];
  /** The text of the newest block. */
  readonly newest: string | null;
}

/** Syncs into memory once. */
export async function syncOnce(
  config: Wanted,
  storage: BrowserEngineConfig['storage'] = { use: 'memory' },
): Promise<Outcome> {
  const modes: string[] = [];
  const told: string[] = [];
  const engine = createSyncEngine({ retry: { maxAttempts: 2, baseDelayMs: 1 }, storage, ...config });
  engine.events.subscribe((event: SyncEvent) => {
    if (event.type === 'mode') modes.push(event.mode);
    if ('error' in event && event.error !== null) told.push(event.error.code);
  });
  try {
    await engine.start();
    return { code: null, message: '', head: headOf(engine), modes, told, newest: await newestOf(engine) };
  } catch (error) {
    const code = isSyncError(error) ? error.code : String(error);
    return { code, message: String(error), head: headOf(engine), modes, told, newest: null };
  } finally {
    await engine.close();
  }
}

function headOf(engine: SyncEngine): Outcome['head'] {
  return engine.state.checkpoint?.head ?? null;
}

async function newestOf(engine: SyncEngine): Promise<string | null> {
  const block = await engine.chain?.get(headOf(engine)?.height ?? -1);
  return block?.text() ?? null;
}

/** Syncs into IndexedDB once. */
export function syncKept(config: Wanted): Promise<Outcome> {
  return syncOnce(config, { use: 'indexeddb', name: 'ledger' });
}
