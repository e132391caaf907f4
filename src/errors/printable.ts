/** Longest line, in characters. */
const MAX_LINE_CHARACTERS = 2_000;
/** Kept of the end of a longer line: what a long text of a stranger stands before has to be seen, too. */
const KEPT_END_CHARACTERS = 500;

/**
 * What a terminal obeys or does not show: control characters, format characters (those that turn the direction of
 * writing among them), and separators of lines and paragraphs.
 */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** One line of bounded length with all that can't be seen escaped; the middle of a longer one is left out. */
export function printable(text: string): string {
  return shortened(
    text.replace(UNPRINTABLE, (char) => {
      const code = char.charCodeAt(0);
      return code > 0xff ? codeUnits(char) : `\\x${hex(code, 2)}`;
    }),
  );
}

function shortened(line: string): string {
  const left = line.length - MAX_LINE_CHARACTERS;
  if (left <= 0) return line;
  const begin = line.slice(0, MAX_LINE_CHARACTERS - KEPT_END_CHARACTERS);
  return `${begin} … (${left} characters left out) … ${line.slice(-KEPT_END_CHARACTERS)}`;
}

/** Escapes what a terminal obeys or does not show, as JSON can. */
export function escapedAsJson(json: string): string {
  return json.replace(UNPRINTABLE, codeUnits);
}

/** As JSON and JavaScript escape a character. */
function codeUnits(char: string): string {
  return char
    .split('')
    .map((unit) => `\\u${hex(unit.charCodeAt(0), 4)}`)
    .join('');
}

function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, '0');
}
