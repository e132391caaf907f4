import type { ServerResponse } from 'node:http';
import test from 'ava';
import { createSyncServer, nodeListener } from '../../src/server/index.js';
import { listen } from '../helpers/servers.js';
import { blocksOn, Follower, fork, sourceChain } from './follow-support.js';
import { TieLimit } from '../../src/engine/session/tie-limit.js';

const ref = (height: number, hash: string): { height: number; hash: string } => ({ height, hash });

test('a branch that was left for one of its length is not gone back to, and others are taken eight times a height', (t) => {
  const ties = new TieLimit();
  t.true(ties.allows(ref(5, 'b')));
  ties.taken(ref(5, 'a'));
  t.false(ties.allows(ref(5, 'a')), 'it was left');
  for (let nth = 1; nth < 8; nth++) {
    t.true(ties.allows(ref(5, `c${nth}`)));
    ties.taken(ref(5, `b${nth}`));
  }
  t.false(ties.allows(ref(5, 'new')));
  t.true(ties.allows(ref(6, 'a')));
  ties.taken(ref(6, 'x'));
  t.true(ties.allows(ref(6, 'a')), 'another height counts anew');
  t.false(ties.allows(ref(6, 'x')));
});

test('a follower of an address behind which a server is late does not go back to the branch that it has left', async (t) => {
  const late = await sourceChain(t, 20);
  const ahead = await sourceChain(t, 20);
  await fork(ahead, 17, 2, 'other');
  const handlers = [late, ahead].map((source) => {
    const server = createSyncServer({ source });
    t.teardown(() => server.close());
    return nodeListener(server, { path: '/sync' });
  });
  let serves = 0;
  const open = new Set<ServerResponse>();
  const origin = await listen(t, (request, response) => {
    open.add(response);
    handlers[serves]?.(request, response);
  });
  const turnTo = (index: number): void => {
    serves = index;
    for (const response of open) response.destroy();
    open.clear();
  };
  const follower = new Follower(t, { peers: [origin] });
  await follower.reaches(late);
  turnTo(1);
  await follower.reaches(ahead);
  turnTo(0);
  await follower.until(() => follower.events.some(({ type }) => type === 'rollback-held'));
  t.is(follower.engine.chain?.tip().head?.hash, ahead.tip().head?.hash);
  t.is(follower.rollbacks.length, 1);
  // It is not late any more.
  await late.append(blocksOn(late.tip().head, 1, 'longer'));
  await follower.reaches(late);
  follower.view();
});
