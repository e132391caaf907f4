import test from 'ava';
import { SyncError } from '../../src/errors/index.js';
import { EventHub } from '../../src/engine/events/event-hub.js';
import type { SyncEvent, SyncPhase } from '../../src/engine/events/events.js';
import { NEXT_PHASES, type Phases } from '../../src/engine/events/phases.js';

const PEER = 'http://one.test/sync';
const PHASES = Object.keys(NEXT_PHASES) as SyncPhase[];

const enter: Readonly<Record<Exclude<SyncPhase, 'idle'>, (phases: Phases) => void>> = {
  opening: (phases) => {
    phases.opening();
  },
  standby: (phases) => {
    phases.standby();
  },
  connecting: (phases) => {
    phases.connecting(PEER);
  },
  importing: (phases) => {
    phases.importing();
  },
  syncing: (phases) => {
    phases.syncing();
  },
  synced: (phases) => {
    phases.synced();
  },
  waiting: (phases) => {
    phases.waiting();
  },
  failed: (phases) => {
    phases.failed(new SyncError('PEER_BUSY', 'busy'));
  },
  closed: (phases) => {
    phases.closed();
  },
};

/** A hub that is in a phase, reached by the shortest way. */
function hubIn(phase: SyncPhase): EventHub {
  const ways = new Map<SyncPhase, readonly SyncPhase[]>([['idle', []]]);
  for (const [from, way] of ways) {
    for (const next of NEXT_PHASES[from]) if (!ways.has(next)) ways.set(next, [...way, next]);
  }
  const hub = new EventHub(() => 0);
  for (const next of ways.get(phase) ?? []) if (next !== 'idle') enter[next](hub.phase);
  return hub;
}

test('every phase can be reached', (t) => {
  for (const phase of PHASES) t.is(hubIn(phase).state.phase, phase);
});

test('a phase is followed by those of the table, and by no other', (t) => {
  for (const from of PHASES) {
    for (const [to, go] of Object.entries(enter) as [keyof typeof enter, (phases: Phases) => void][]) {
      const hub = hubIn(from);
      const change = (): void => {
        go(hub.phase);
      };
      if (NEXT_PHASES[from].includes(to)) {
        t.notThrows(change, `${from} → ${to}`);
        t.is(hub.state.phase, to);
      } else {
        t.throws(change, { instanceOf: TypeError, message: new RegExp(`is ${from} can't be ${to}`) });
        t.is(hub.state.phase, from);
      }
    }
  }
});

test('a change is told once with the phase before it; a phase that is entered again is not told of', (t) => {
  const hub = hubIn('connecting');
  const events: SyncEvent[] = [];
  hub.events.subscribe((event) => events.push(event));
  hub.phase.connecting('http://two.test/sync');
  t.is(hub.state.peer, 'http://two.test/sync');
  hub.phase.syncing();
  hub.phase.syncing();
  t.deepEqual(events, [{ type: 'phase', phase: 'syncing', previous: 'connecting' }]);
});

test('a peer is in use from `connecting` to the end of the run, and an error there is in `failed` only', (t) => {
  for (const phase of PHASES) {
    const { peer, error } = hubIn(phase).state;
    const hasPeer = ['connecting', 'importing', 'syncing', 'synced', 'waiting'].includes(phase);
    t.is(peer, hasPeer ? PEER : null, phase);
    t.is(error?.code, phase === 'failed' ? 'PEER_BUSY' : undefined, phase);
  }
  const hub = hubIn('synced');
  hub.phase.answeredBy('http://two.test/sync');
  t.like(hub.state, { phase: 'synced', peer: 'http://two.test/sync' });
  hub.phase.ended();
  t.like(hub.state, { phase: 'synced', peer: null });
});

test('a peer answers only where there is a connection', (t) => {
  for (const phase of PHASES) {
    const { phase: phases } = hubIn(phase);
    const answer = (): void => {
      phases.answeredBy(PEER);
    };
    if (['syncing', 'synced', 'waiting'].includes(phase)) t.notThrows(answer);
    else t.throws(answer, { instanceOf: TypeError });
  }
});
