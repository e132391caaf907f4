import { WASM as MODULE } from '../json/wasm.js';

/** What scans JSON, in base64; `null` on platforms where it is not used. */
export const WASM: string | null = MODULE;
