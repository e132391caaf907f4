import type { HttpFetch } from '../contracts/index.js';

/** The `fetch` of the platform, which must be called as what it is: a function of the global object. */
export const platformFetch: HttpFetch = (url, { method, headers, redirect, signal }) =>
  fetch(url, { method, headers, redirect, signal });
