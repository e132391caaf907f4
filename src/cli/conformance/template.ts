import type { Answer } from './answer.js';

/** What texts of a case may name. */
export type Names = Readonly<Record<string, string | number>>;

const NAME = /\{([a-zA-Z]+)(?:\+([a-zA-Z]+|\d+))?\}|\{(\d)\.([a-z-]+)\}/g;

/** Fills the names in a text in. What nothing is known of stays. */
export function fill(text: string, names: Names, answers: readonly Answer[]): string {
  return text.replaceAll(
    NAME,
    (whole: string, name?: string, more?: string, step?: string, header?: string) => {
      if (step !== undefined && header !== undefined)
        return answers[Number(step) - 1]?.header(header) ?? whole;
      const value = names[name ?? ''];
      if (value === undefined) return whole;
      if (more === undefined) return String(value);
      return String(Number(value) + Number(names[more] ?? more));
    },
  );
}
