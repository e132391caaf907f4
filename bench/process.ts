import { readFileSync } from 'node:fs';

/** The settings that the parent gave this process. */
export function settings(): unknown {
  return JSON.parse(process.argv[2] ?? '{}');
}

/**
 * The most memory that this process has had resident, in bytes (`VmHWM`, proc(5)). Not `ru_maxrss` where that can be
 * avoided: a child inherits it from the parent it was forked from.
 */
export function peakRssBytes(): number {
  try {
    const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
    if (kilobytes !== undefined) return Number(kilobytes) * 1024;
  } catch {
    // There is no /proc on this system.
  }
  return process.resourceUsage().maxRSS * 1024;
}

/** Processor time of this process since a sample of `process.cpuUsage()`, of all its threads, in milliseconds. */
export function cpuMsSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

/** Tells the parent, and resolves when that is on its way. */
export async function tell(message: object): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    if (process.send === undefined) {
      console.log(JSON.stringify(message));
      resolve();
    } else {
      process.send(message, undefined, {}, (error) => {
        if (error === null) resolve();
        else reject(error);
      });
    }
  });
}
