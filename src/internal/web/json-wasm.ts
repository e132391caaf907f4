/**
 * Nothing: pages whose policy forbids WebAssembly would complain of the attempt, Workers of Cloudflare compile none at run
 * time, and its bytes would have to be fetched.
 */
export const WASM = null;
