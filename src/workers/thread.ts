// What runs on a worker thread. It imports no more than a codec needs: each import is memory once for every thread.
import { workerData } from 'node:worker_threads';
import type { Codec } from '../contracts/index.js';
import { freeMemory } from '../internal/free-memory.js';
import { lazyCodecs } from './codecs.js';
import { codecsOf, type Request, type WorkerModule } from './messages.js';
import { pack } from './pack.js';
import { made, serve } from './serve.js';
import { outgoingBytes, outgoingPacked, outgoingRow, type Parcel } from './transfer.js';

const modules = workerData as readonly WorkerModule[];
const loaded = new Map<string, Codec>();
const codecs = lazyCodecs(new Map(modules.map(({ id }) => [id, () => codecOf(id)])));

serve(async (request: Request) => {
  for (const id of codecsOf(request)) await load(id);
  return work(request);
});

/** Does the work. What it leaves behind is freed at once: this thread makes so few objects that it seldom collects. */
function work(request: Request): Parcel<unknown> {
  if (request.kind === 'pack') {
    const parcel = outgoingPacked(pack(codecs, request.task));
    releaseAll(request.task.chunks, parcel);
    return parcel;
  }
  if (request.kind === 'encode') {
    const codec = codecs.get(request.codec);
    const encoded = request.documents.map((document) => codec.encode(document));
    const parcel = outgoingRow(encoded);
    releaseAll(
      [...request.documents, ...encoded].map((bytes) => ({ bytes })),
      parcel,
    );
    return parcel;
  }
  const parcel = outgoingBytes(codecs.get(request.codec).decode(request.bytes, request.limits));
  releaseAll([request], parcel);
  return parcel;
}

/**
 * Frees the memory under these, except for what goes out: of a request and of what a codec made all is this thread's
 * own, down to the part of a buffer that nothing lies in.
 */
function releaseAll(used: readonly { readonly bytes: Uint8Array }[], { transfer }: Parcel<unknown>): void {
  const memory = new Set(used.map(({ bytes: { buffer } }) => buffer));
  for (const buffer of memory) {
    if (buffer instanceof ArrayBuffer && !transfer.includes(buffer)) freeMemory(new Uint8Array(buffer));
  }
}

async function load(id: string): Promise<void> {
  const stated = modules.find((module) => module.id === id);
  if (stated === undefined || loaded.has(id)) return;
  const what = `codec ${JSON.stringify(id)}`;
  loaded.set(id, await made<Codec>(stated, 'createCodec', { what, code: 'CODEC_UNAVAILABLE' }));
}

function codecOf(id: string): Codec {
  const codec = loaded.get(id);
  if (codec === undefined) throw new Error(`The codec ${id} is used before it is loaded.`);
  return codec;
}
