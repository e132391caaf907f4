import { MAX_ANSWER_BYTES } from '../answer.js';
import type { Facts } from '../facts.js';
import { parseJsonObject } from '../../../internal/http/shape.js';
import { linesOf } from '../lines.js';
import { misshapen } from '../shape.js';
import { decode } from '../tools.js';
import { must } from '../unmet.js';
import type { Check } from './check.js';
import { mustBeSamples } from './documents.js';

interface ServerEvent {
  readonly type: string;
  readonly data: string;
  readonly id: string | null;
}

const FIELD = /^(event|data|id|retry)(?:: ?(.*))?$/s;

/** Reads a stream as strictly as the protocol has it: lines end in LF, and one line of data each. @throws Unmet */
function eventsOf(body: Uint8Array): readonly ServerEvent[] {
  linesOf(body);
  const text = Buffer.from(body).toString();
  must(!text.includes('\r'), 'a line ends in CR');
  const blocks = text.split('\n\n');
  must(/^(:.*\n)*$/.test(blocks.pop() ?? ''), 'the last event has no end');
  return blocks.flatMap((block) => eventOf(block.split('\n')));
}

function eventOf(lines: readonly string[]): readonly ServerEvent[] {
  const fields = new Map<string, string>();
  for (const line of lines) {
    if (line === '' || line.startsWith(':')) continue;
    const [, name = '', value = ''] = FIELD.exec(line) ?? [];
    must(name !== '', `the line ${JSON.stringify(line.slice(0, 40))} has no known field`);
    must(!fields.has(name), `an event has two lines of ${name}`);
    fields.set(name, value);
  }
  const data = fields.get('data');
  return data === undefined
    ? []
    : [{ type: fields.get('event') ?? 'message', data, id: fields.get('id') ?? null }];
}

export const events: Check<'events'> = ({ body }, { codec, end, ...range }, { facts }) => {
  const [from, to] = [Number(range.from), Number(range.to)];
  const all = eventsOf(body);
  const failed = all.find(({ type }) => type === 'error');
  must(failed === undefined, `the stream says ${failed?.data ?? ''}`);
  const blocks = all.filter(({ type }) => type === 'block');
  const heights = blocks.map(({ id }) => id ?? 'none').join();
  const due = Array.from({ length: to - from + 1 }, (_, at) => String(from + at)).join();
  must(heights === due, `the blocks have the ids ${heights}, not ${due}`);
  mustBeSamples(
    blocks.map(({ data }) => documentOf(data, codec, facts)),
    facts,
    from,
    to,
  );
  const last = all.at(-1);
  if (end === 'complete') mustComplete(last, facts);
};

export const complete: Check<'complete'> = ({ body }, _check, { facts }) => {
  const all = eventsOf(body);
  must(all.length === 1, `${all.length} events, not one`);
  mustComplete(all[0], facts);
};

export const commentFirst: Check<'comment-first'> = ({ body }) => {
  must(body[0] === 0x3a, 'the stream does not begin with a comment');
};

function mustComplete(event: ServerEvent | undefined, { head }: Facts): void {
  must(event?.type === 'complete', `the last event is ${event?.type ?? 'missing'}, not complete`);
  const members = parseJsonObject(Buffer.from(event.data));
  const wrong = misshapen(members, 'Complete');
  must(wrong === null, `complete: ${wrong ?? ''}`);
  must(
    members?.['height'] === head?.height && members?.['hash'] === head?.hash,
    `complete names ${event.data}, and the status another head`,
  );
}

function documentOf(data: string, codec: string, { tools }: Facts): Uint8Array {
  if (codec === 'identity') return Buffer.from(data);
  const bytes = Buffer.from(data, 'base64');
  must(bytes.toString('base64') === data, 'the data of a block is no canonical base64');
  return decode(tools, codec, bytes, MAX_ANSWER_BYTES);
}
