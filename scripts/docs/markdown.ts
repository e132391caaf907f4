import { readFileSync } from 'node:fs';

/** A fenced code block. */
export interface CodeBlock {
  /** First word after the fence: `ts`, `sh`. */
  readonly language: string;
  /** The rest of the fence's line. */
  readonly info: string;
  /** Number of the first line of code, counted from 1. */
  readonly line: number;
  /** How many lines of code there are. */
  readonly lines: number;
  readonly code: string;
}

/** What an inline link, `[text](target)`, or inline code names. */
export interface Link {
  readonly target: string;
  readonly line: number;
}

/** What the checks need to know of a Markdown file. */
export interface MarkdownFile {
  /** Relative to the project's top folder. */
  readonly path: string;
  readonly blocks: readonly CodeBlock[];
  readonly links: readonly Link[];
  /** Inline code, by what is in it. */
  readonly code: readonly Link[];
  /** Fragments that can be linked to. */
  readonly anchors: ReadonlySet<string>;
}

const FENCE = /^(`{3,})(\S*)\s*(.*)$/;
const HEADING = /^#{1,6}\s+(.*?)\s*#*$/;
/** Neither a link nor inline code goes beyond its paragraph; both may be wrapped within it. */
const LINK = /\[(?:[^\]\n]|\n(?!\n))*\]\(([^)\s]+)\)/g;
const CODE = /`((?:[^`\n]|\n(?!\n))*)`/g;

/** Reads a Markdown file as far as the checks need it: fences, headings and inline links. */
export function readMarkdown(file: string, path: string): MarkdownFile {
  const lines = readFileSync(file, 'utf8').split('\n');
  const blocks: CodeBlock[] = [];
  const anchors = new Set<string>();
  const prose = [...lines];
  for (let index = 0; index < lines.length; index++) {
    const text = lines[index] ?? '';
    const [, fence, language = '', info = ''] = FENCE.exec(text) ?? [];
    if (fence !== undefined) {
      const end = closingFence(lines, index, fence, path);
      const code = lines.slice(index + 1, end);
      blocks.push({ language, info, line: index + 2, lines: code.length, code: code.join('\n') });
      prose.fill('', index, end + 1);
      index = end;
    } else addAnchor(text, anchors);
  }
  return { path, blocks, ...namedIn(prose.join('\n')), anchors };
}

/** Links, and inline code, in which there are none. */
function namedIn(prose: string): Pick<MarkdownFile, 'links' | 'code'> {
  const text = prose.replace(CODE, (code) => code.replace(/[^\n]/g, ' '));
  return { links: matchesIn(text, LINK), code: matchesIn(prose, CODE) };
}

/** Each with the line that it begins on. */
function matchesIn(text: string, pattern: RegExp): Link[] {
  return [...text.matchAll(pattern)].map(({ index, 1: target = '' }) => ({
    target,
    line: text.slice(0, index).split('\n').length,
  }));
}

function closingFence(lines: readonly string[], start: number, fence: string, path: string): number {
  const end = lines.findIndex((line, index) => index > start && line.trimEnd() === fence);
  if (end === -1) throw new Error(`${path}:${start + 1}: the code block does not end`);
  return end;
}

/** The fragment that code hosts give a heading: lower case, no punctuation, hyphens for spaces. */
function addAnchor(text: string, anchors: Set<string>): void {
  const heading = HEADING.exec(text)?.[1];
  if (heading === undefined) return;
  const plain = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
  const slug = plain.replace(/[^\p{L}\p{N}\s_-]/gu, '').replace(/\s/g, '-');
  let anchor = slug;
  for (let count = 1; anchors.has(anchor); count++) anchor = `${slug}-${count}`;
  anchors.add(anchor);
}
