import { setMaxListeners } from 'node:events';

/** Says that many will listen to a signal, so that Node warns of no leak. */
export function expectListeners(signal: AbortSignal): void {
  setMaxListeners(0, signal);
}
