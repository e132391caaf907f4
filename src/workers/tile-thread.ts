// What runs on a worker thread that checks tiles.
import { workerData } from 'node:worker_threads';
import type { ChainRules, ChainRulesPlugin, Codec } from '../contracts/index.js';
import { freeMemory } from '../internal/free-memory.js';
import { WITHOUT_PAUSES } from '../tiles/pace.js';
import { checkTile } from '../tiles/verify.js';
import type { WorkerModule } from './messages.js';
import { made, serve } from './serve.js';
import { packTile, type TileRequest } from './tile-messages.js';
import type { Parcel } from './transfer.js';

const ofRules = workerData as NonNullable<ChainRulesPlugin['worker']>;
const rules = made<ChainRules>(ofRules, 'createRules', { what: 'chain rules', code: 'PLUGIN_INCOMPATIBLE' });
// Told to whoever asks first.
rules.catch(() => undefined);

/** Those of bodies that are not in gzip. */
const codecs = new Map<string, Promise<Codec>>();

serve(async (request: TileRequest): Promise<Parcel<unknown>> => {
  const checks = { rules: await rules };
  if (request.kind === 'start') return { content: null, transfer: [] };
  const { entry, body, maxBlockBytes } = request;
  const codec = request.codec === null ? null : await codecOf(request.codec);
  const tile = await checkTile({ ...checks, maxBlockBytes }, entry, body, WITHOUT_PAUSES, codec);
  freeMemory(body);
  return packTile(tile);
});

function codecOf({ id, ...stated }: WorkerModule): Promise<Codec> {
  const what = `codec ${JSON.stringify(id)}`;
  const codec = codecs.get(id) ?? made<Codec>(stated, 'createCodec', { what, code: 'CODEC_UNAVAILABLE' });
  codecs.set(id, codec);
  return codec;
}
