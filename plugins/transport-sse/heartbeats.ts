import { HEARTBEAT } from './format.js';

/** The same chunks, with a comment wherever there is none for so long. */
export async function* withHeartbeats(
  chunks: AsyncGenerator<Uint8Array, void, undefined>,
  heartbeatMs: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    for (;;) {
      const next = chunks.next();
      while (!(await settlesWithin(next, heartbeatMs))) yield HEARTBEAT;
      const result = await next;
      if (result.done === true) return;
      yield result.value;
    }
  } finally {
    await chunks.return();
  }
}

/** Whether a promise settles in time; its failure is left to whoever waits for it. */
function settlesWithin(promise: Promise<unknown>, ms: number): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms, false);
    const settled = (): void => {
      clearTimeout(timer);
      resolve(true);
    };
    promise.then(settled, settled);
  });
}
