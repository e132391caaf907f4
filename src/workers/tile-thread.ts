// What runs on a worker thread that checks tiles.
import { workerData } from 'node:worker_threads';
import type { ChainRules, ChainRulesPlugin } from '../contracts/index.js';
import { freeMemory } from '../internal/free-memory.js';
import { WITHOUT_PAUSES } from '../tiles/pace.js';
import { checkTile } from '../tiles/verify.js';
import { made, serve } from './serve.js';
import { packTile, type TileRequest } from './tile-messages.js';
import type { Parcel } from './transfer.js';

const stated = workerData as NonNullable<ChainRulesPlugin['worker']>;
const rules = made<ChainRules>(stated, 'createRules', { what: 'chain rules', code: 'PLUGIN_INCOMPATIBLE' });
// Told to whoever asks first.
rules.catch(() => undefined);

serve(async (request: TileRequest): Promise<Parcel<unknown>> => {
  const checks = { rules: await rules };
  if (request.kind === 'start') return { content: null, transfer: [] };
  const { entry, body, maxBlockBytes } = request;
  const tile = await checkTile({ ...checks, maxBlockBytes }, entry, body, WITHOUT_PAUSES);
  freeMemory(body);
  return packTile(tile);
});
