/** The part of the WebAssembly API that is used: no type library in use here declares it. */
interface WebAssemblyApi {
  /** A compiled module holds no state, so that all its instances on a thread can share it. */
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
}

/** The runtime's WebAssembly; it throws at the first use where it is switched off. */
export const { WebAssembly } = globalThis as unknown as { WebAssembly: WebAssemblyApi };
