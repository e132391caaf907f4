import { setImmediate, setTimeout as delay } from 'node:timers/promises';

/** Far longer than anything here takes on a busy machine, and shorter than the time after which ava gives up. */
const DEADLINE_MS = 60_000;
const LOOK_MS = 5;

/** Waits until something holds. @throws Error after a minute */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + DEADLINE_MS;
  while (!(await holds())) {
    if (performance.now() > deadline)
      throw new Error(`It did not come about within a minute: ${holds.toString()}`);
    await delay(LOOK_MS);
  }
}

/** Lets the event loop turn: each time whatever is ready, sockets too, is dealt with. */
export async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await setImmediate();
}

/**
 * Waits until a figure of this process has passed a bound and no longer moves, and returns it. What moves it has to be
 * work of this process, which gets its turns between the looks: a slow machine is then not taken for standing still.
 *
 * @throws Error after a minute
 */
export async function standsStill(figure: () => number, above = 0): Promise<number> {
  let last = figure();
  let same = 0;
  await until(async () => {
    await turns(20);
    const now = figure();
    same = now === last && now > above ? same + 1 : 0;
    last = now;
    return same >= 20;
  });
  return last;
}
