/** Lets a timer keep no process alive; only Node and what is like it have such timers. */
export function letGo(timer: ReturnType<typeof setTimeout>): void {
  (timer as { unref?: () => unknown }).unref?.();
}
