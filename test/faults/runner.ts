import { performance } from 'node:perf_hooks';
import type { Need } from './needs.js';
import { Missed, type Row, type Scale } from './row.js';
import { Site } from './site.js';

/** What became of a row. */
export interface Result {
  readonly row: Row;
  readonly outcome: 'held' | 'missed' | 'skipped';
  readonly figures: readonly string[];
  /** How the control was caught, or why it was not run; `null` for a row without one. */
  readonly control: string | null;
  /** Why it missed or was skipped; `null` where it held. */
  readonly reason: string | null;
  readonly seconds: number;
}

/** What the runner gets from outside. */
export interface RunnerDeps {
  readonly scale: Scale;
  /** Why a need is not met; `null` when it is. */
  readonly lacking: (need: Need) => string | null;
  /** When no row is begun any more, by `performance.now()`. */
  readonly untilMs: number;
  /** Has each site while it is in use. */
  readonly sites: Set<Site>;
}

/** Whole, or a slice of each row. */
export function scaleOf(isSlice: boolean): Scale {
  return { isSlice, pick: (whole, slice) => (isSlice ? slice : whole) };
}

/** Runs one row and its control; never rejects. */
export async function runRow(row: Row, deps: RunnerDeps): Promise<Result> {
  const startMs = performance.now();
  const of = (part: Omit<Result, 'row' | 'seconds'>): Result => ({
    row,
    ...part,
    seconds: (performance.now() - startMs) / 1000,
  });
  const lack = startMs > deps.untilMs ? 'the time of the slice was over' : reasonOf(row.needs, deps);
  if (lack !== null) return of({ outcome: 'skipped', figures: [], control: null, reason: lack });
  const deadlineMs = startMs + row.limitSeconds * 1000;
  let figures: readonly string[] = [];
  try {
    figures = await onSite(deps, deadlineMs, (site) => row.run(site, deps.scale));
  } catch (error) {
    return of({ outcome: 'missed', figures, control: null, reason: textOf(error) });
  }
  const { caught, text } = await runControl(row, deps, deadlineMs);
  return of({ outcome: caught ? 'held' : 'missed', figures, control: text, reason: caught ? null : text });
}

async function runControl(
  { control }: Row,
  deps: RunnerDeps,
  deadlineMs: number,
): Promise<{ readonly caught: boolean; readonly text: string | null }> {
  if (control === null) return { caught: true, text: null };
  const lack = reasonOf(control.needs, deps);
  if (lack !== null) return { caught: true, text: `not run: ${lack}` };
  try {
    await onSite(deps, deadlineMs, (site) => control.run(site, deps.scale));
  } catch (error) {
    if (error instanceof Missed) return { caught: true, text: `caught: ${error.message}` };
    return { caught: false, text: `the control failed by itself: ${textOf(error)}` };
  }
  return { caught: false, text: `the control was not caught: ${control.broken}` };
}

/** Runs something on a site of its own, within the time, and cleans up in any case. */
async function onSite<T>(
  { sites }: RunnerDeps,
  deadlineMs: number,
  run: (site: Site) => Promise<T>,
): Promise<T> {
  const site = new Site();
  sites.add(site);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => {
        reject(new Error('it took longer than its limit'));
      },
      Math.max(0, deadlineMs - performance.now()),
    );
  });
  let outcome: { readonly value: T } | { readonly error: unknown };
  try {
    outcome = { value: await Promise.race([run(site), late]) };
  } catch (error) {
    outcome = { error };
  }
  clearTimeout(timer);
  const left = await site.close().then(
    () => null,
    (error: unknown) => error,
  );
  sites.delete(site);
  // What went wrong first is what is told.
  if ('error' in outcome) throw outcome.error;
  if (left !== null) throw new Error(textOf(left));
  return outcome.value;
}

function reasonOf(needs: readonly Need[], { lacking }: RunnerDeps): string | null {
  for (const need of needs) {
    const reason = lacking(need);
    if (reason !== null) return reason;
  }
  return null;
}

function textOf(error: unknown): string {
  if (error instanceof Missed) return error.message;
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
