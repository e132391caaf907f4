import { type Condition, CONDITIONS } from './case.js';
import type { Facts } from './facts.js';

type Plain = keyof typeof CONDITIONS;

const HOLDS: Readonly<Record<Plain, (facts: Facts) => boolean>> = {
  service: ({ codecs }) => codecs.json.length + codecs.stream.length > 0,
  json: ({ codecs }) => codecs.json.length > 0,
  stream: ({ codecs }) => codecs.stream.length > 0,
  frames: ({ codecs }) => codecs.frames.length > 0,
  block: ({ head }) => head !== null,
  blocks: ({ head, base }) => head !== null && head.height >= base + 2,
  'above-base': ({ base }) => base > 0,
  'max-range': ({ limits, base }) =>
    typeof limits['maxRange'] === 'number' && Number.isSafeInteger(base + limits['maxRange']),
  waits: ({ limits }) => typeof limits['maxWaitMs'] === 'number',
  leases: ({ limits }) => typeof limits['streamLeaseMs'] === 'number',
  final: ({ finalized, base }) => finalized !== null && finalized >= base + 2,
  live: ({ head, finalized }) => head !== null && (finalized === null || finalized < head.height),
  rules: ({ tools }) => tools.rules !== null,
  snapshot: ({ snapshot }) => snapshot !== null,
  tile: ({ lastTile }) => lastTile !== null,
  'tile-line': ({ tile }) => tile !== null,
  'tile-zstd': ({ tileZstd, tools }) => tileZstd !== null && tools.codecs.has('zstd'),
  manifest: ({ manifest }) => manifest !== null,
};

/** Why a case does not apply; `null` where it does. */
export function whyNot(when: readonly Condition[], facts: Facts): string | null {
  for (const condition of when) {
    const reason = isPlain(condition) ? plain(condition, facts) : codec(condition, facts);
    if (reason !== null) return reason;
  }
  return null;
}

function isPlain(condition: Condition): condition is Plain {
  return Object.hasOwn(CONDITIONS, condition);
}

function plain(condition: Plain, facts: Facts): string | null {
  return HOLDS[condition](facts) ? null : CONDITIONS[condition];
}

function codec(condition: string, { codecs, tools }: Facts): string | null {
  const [use = '', name = ''] = condition.split(':');
  if (!codecs[use as keyof Facts['codecs']].includes(name))
    return `the status does not name ${name} among its codecs of ${use}`;
  return tools.codecs.has(name) ? null : `${name} can not be decoded here`;
}
