import { existsSync, readFileSync } from 'node:fs';

/** One life of a client, as it wrote it down itself: what was written survives its death. */
export interface Life {
  readonly pid: number;
  /** Head when its store was open; −1 for an empty one. */
  readonly opened: number | null;
  /** Highest block that it was told is durable; −1 before. */
  readonly durable: number;
  /** Blocks handed to the handler, in order. */
  readonly handed: readonly (readonly [height: number, hash: string])[];
  /** Codes of errors after which it connected again, with the time. */
  readonly retries: readonly (readonly [code: string, atMs: number])[];
  /** `done`, or the code of the error it ended with; `null` when it was killed. */
  readonly end: string | null;
}

interface Draft {
  pid: number;
  opened: number | null;
  durable: number;
  handed: (readonly [number, string])[];
  retries: (readonly [string, number])[];
  end: string | null;
}

type Word = (draft: Draft, first: string, second: string) => void;

const WORDS: Readonly<Record<string, Word>> = {
  open: (draft, height) => {
    draft.opened = Number(height);
    draft.durable = Number(height);
  },
  durable: (draft, height) => {
    draft.durable = Math.max(draft.durable, Number(height));
  },
  block: (draft, height, hash) => {
    draft.handed.push([Number(height), hash]);
  },
  retry: (draft, code, atMs) => {
    draft.retries.push([code, Number(atMs)]);
  },
  end: (draft, code) => {
    draft.end = code;
  },
};

/** Reads the lives in a journal, the last line of which may be cut. */
export function readJournal(path: string): readonly Life[] {
  const lives: Draft[] = [];
  const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
  for (const line of text.split('\n').slice(0, -1)) {
    const [word = '', first = '', second = ''] = line.split(' ');
    if (word === 'pid')
      lives.push({ pid: Number(first), opened: null, durable: -1, handed: [], retries: [], end: null });
    const life = lives.at(-1);
    if (life !== undefined) WORDS[word]?.(life, first, second);
  }
  return lives;
}

/** The highest block that a client was ever told is durable; −1 when none. */
export function acknowledgedIn(lives: readonly Life[]): number {
  return lives.reduce((highest, { durable }) => Math.max(highest, durable), -1);
}
