export { sealedJson } from './plugin.js';
export { seal, type SealedBlock, type SealOptions, type SealPlace, sealSigned } from './seal.js';
export { generateProducerKey, readProducerKey } from './producer-key.js';
export { SEALED_JSON_GENESIS } from './form.js';
