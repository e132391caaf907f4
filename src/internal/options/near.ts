const MAX_EDITS = 2;
const MIN_BEGINNING = 3;

/** The known name that a mistyped one probably stands for; `null` when none is near. */
function nearest(name: string, known: readonly string[]): string | null {
  const typed = name.toLowerCase();
  const ranked = known.map((candidate) => ({ candidate, rank: rank(typed, candidate.toLowerCase()) }));
  const [best] = ranked.sort((a, b) => a.rank - b.rank);
  return best === undefined || best.rank > MAX_EDITS ? null : best.candidate;
}

function rank(typed: string, candidate: string): number {
  const short = Math.min(typed.length, candidate.length);
  if (short >= MIN_BEGINNING && (typed.startsWith(candidate) || candidate.startsWith(typed)))
    return MAX_EDITS;
  return editsBetween(typed, candidate);
}

/** Slips of the hand that make one name of another; infinite where these are two names. */
function editsBetween(typed: string, candidate: string): number {
  const edits = distance(typed, candidate);
  // Two edits of a short name make another name.
  return edits < Math.min(typed.length, candidate.length) / 2 ? edits : Infinity;
}

/** The known name that another one is a slip of the hand away from; `null` when it may well be a name of its own. */
export function meantBy(name: string, known: readonly string[]): string | null {
  const typed = name.toLowerCase();
  return known.find((candidate) => editsBetween(typed, candidate.toLowerCase()) <= MAX_EDITS) ?? null;
}

/** Fewest insertions, deletions and substitutions (Levenshtein). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (const [i, letter] of Array.from(a).entries()) {
    const next = [i + 1];
    for (const [j, other] of Array.from(b).entries()) {
      const kept = (row[j] ?? 0) + (letter === other ? 0 : 1);
      next.push(Math.min(kept, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

/** What to say of a name that isn't known, up to the end of the sentence: the near one, or all there are. */
export function suggestion(
  name: string,
  known: readonly string[],
  spell: (name: string) => string = JSON.stringify,
): string {
  const near = nearest(name, known);
  if (near !== null) return `did you mean ${spell(near)}?`;
  return known.length === 0 ? 'there are none.' : `there are ${known.map(spell).join(', ')}.`;
}
