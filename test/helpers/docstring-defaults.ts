import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { projectRoot } from './shared.js';

/** What the docstring of one option says of its default: the text of `@defaultValue`; `null` when it has none. */
export type StatedDefaults = ReadonlyMap<string, string | null>;

/**
 * Reads what the docstrings of an interface's members state as defaults.
 *
 * @param file - source file, from the checkout's top folder.
 * @param name - the interface. Members that it inherits are those of another one.
 */
export function statedDefaults(file: string, name: string): StatedDefaults {
  const text = readFileSync(join(projectRoot, file), 'utf8');
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const found = source.statements.find(
    (statement): statement is ts.InterfaceDeclaration =>
      ts.isInterfaceDeclaration(statement) && statement.name.text === name,
  );
  if (found === undefined) throw new Error(`${file} has no interface ${name}.`);
  return new Map(found.members.map((member) => [member.name?.getText(source) ?? '', defaultOf(member)]));
}

function defaultOf(member: ts.TypeElement): string | null {
  const tag = ts.getJSDocTags(member).find(({ tagName }) => tagName.text === 'defaultValue');
  if (tag === undefined) return null;
  return (ts.getTextOfJSDocComment(tag.comment) ?? '').replace(/\s+/g, ' ').trim();
}

const UNITS: Readonly<Record<string, number>> = { KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };
const FIGURE = /^(\d{1,3}(?:,\d{3})+|\d+)(?: (KiB|MiB|GiB)\b)?/;
const LITERAL = /^`((?:null|true|false|Infinity|'[^`]*'|\[[^`]*\]|\{[^`]*\}))`/;

/**
 * The value that a text of `@defaultValue` begins with: a figure (`10,000`, `64 MiB`) or a literal in backticks
 * (`` `null` ``, `` `'gzip'` ``, `` `['gzip', 'identity']` ``).
 *
 * @throws Error for a text that begins with neither
 */
export function valueOfDefault(text: string): unknown {
  const figure = FIGURE.exec(text);
  if (figure !== null) {
    const [, digits = '', unit = ''] = figure;
    return Number(digits.replaceAll(',', '')) * (UNITS[unit] ?? 1);
  }
  const literal = LITERAL.exec(text)?.[1];
  if (literal === undefined) throw new Error(`This default is no figure and no literal: ${text}`);
  return literal === 'Infinity' ? Infinity : (JSON.parse(literal.replaceAll("'", '"')) as unknown);
}
