import { SyncError } from '../../src/errors/index.js';
import {
  malformed,
  MAX_DEPTH,
  optionalMember,
  scanObject,
  type Span,
} from '../../src/internal/json/index.js';

/** Answers of a node's JSON-RPC, as bytes, with or without the envelope of JSON-RPC. */
export interface CometbftAnswers {
  /** Of `/block?height=N`. */
  readonly block: Uint8Array;
  /** Of `/commit?height=N`; `null` for none. */
  readonly commit?: Uint8Array | null;
  /** Of `/validators?height=N`, all pages in their order; none by default. */
  readonly validators?: readonly Uint8Array[];
}

/** What of a validator is hashed; the priority to propose is no part of it, and no peer could prove it. */
const OF_VALIDATOR = ['address', 'pub_key', 'voting_power', 'power'];
const ENCODER = new TextEncoder();

/**
 * Joins what a node answers about one block into one document: `{"block":…,"block_id":…,"commit":…,"validators":[…]}`. All
 * values stay as the node has spelled them.
 *
 * @throws SyncError `BLOCK_MALFORMED` for an answer that is none.
 */
export function cometbftDocument({ block, commit = null, validators = [] }: CometbftAnswers): Uint8Array {
  const answer = resultOf(block);
  const parts: string[] = [
    `{"block":${required(answer, 'block')},"block_id":${required(answer, 'block_id')}`,
  ];
  if (commit !== null) {
    const signed = inside(resultOf(commit), 'signed_header');
    parts.push(`,"commit":${required(signed, 'commit')}`);
  }
  if (validators.length > 0) parts.push(`,"validators":[${validators.flatMap(listOf).join()}]`);
  return ENCODER.encode(`${parts.join('')}}`);
}

interface Answer {
  readonly bytes: Uint8Array;
  readonly span: Span;
}

/** What is in the envelope of JSON-RPC, or the answer itself. */
function resultOf(bytes: Uint8Array): Answer {
  const line = oneLine(bytes);
  const whole = { bytes: line, span: { start: 0, end: line.length } };
  const error = find(whole, 'error');
  if (error !== null) throw new SyncError('BLOCK_MALFORMED', 'The node answered with an error.');
  const result = find(whole, 'result');
  return result === null ? whole : { bytes: line, span: result };
}

/** Pretty-printed answers have line breaks between their tokens, where a block has none. */
function oneLine(bytes: Uint8Array): Uint8Array {
  const line = Uint8Array.from(bytes);
  for (let at = 0; at < line.length; at++) if (line[at] === 0x0a || line[at] === 0x0d) line[at] = 0x20;
  return line;
}

function find({ bytes, span }: Answer, name: string): Span | null {
  return optionalMember(scanObject(bytes, span, { maxDepth: MAX_DEPTH, names: [name] }), name);
}

function inside(answer: Answer, name: string): Answer {
  const span = find(answer, name);
  if (span === null) throw malformed(answer.span.start, `no "${name}" in the answer`);
  return { bytes: answer.bytes, span };
}

function required(answer: Answer, name: string): string {
  return textOf(inside(answer, name));
}

function textOf({ bytes, span }: Answer): string {
  return Buffer.from(bytes.subarray(span.start, span.end)).toString('utf8');
}

function listOf(page: Uint8Array): readonly string[] {
  const { bytes, span } = inside(resultOf(page), 'validators');
  const list = JSON.parse(textOf({ bytes, span })) as unknown;
  if (!Array.isArray(list)) throw malformed(span.start, 'no list of "validators" in the answer');
  return list.map((one: unknown) => JSON.stringify(one, OF_VALIDATOR.concat('type', 'value')));
}

/** Names of the members of an answer. @throws SyncError `BLOCK_MALFORMED` */
export function memberNames(answer: Uint8Array): ReadonlySet<string> {
  const { bytes, span } = resultOf(answer);
  return new Set(scanObject(bytes, span, { maxDepth: MAX_DEPTH }).members.keys());
}

/** The height that an answer of `/block`, `/commit` or `/validators` is for, as it is spelled. */
export function heightIn(answer: Uint8Array): string {
  const result = resultOf(answer);
  const listed = find(result, 'block_height');
  if (listed !== null) return unquoted(textOf({ bytes: result.bytes, span: listed }));
  const around = find(result, 'block') === null ? 'signed_header' : 'block';
  return unquoted(required(inside(inside(result, around), 'header'), 'height'));
}

function unquoted(text: string): string {
  return text.replace(/^"(.*)"$/, '$1');
}
