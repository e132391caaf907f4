import type { Row } from '../row.js';
import { failingCalls, killPoints } from './crash-calls.js';
import { damage } from './crash-damage.js';
import { fullDisk } from './crash-full.js';
import { kill } from './crash-kill.js';
import { killTiles } from './crash-kill-tiles.js';
import { pruneKill } from './crash-prune.js';
import { powerLoss } from './crash-power.js';
import { killedSnapshot, stop, stopHandler } from './crash-stop.js';
import { clock } from './line-clock.js';
import { cutAnywhere, cutLines } from './line-cuts.js';
import { killedServer, serverDown, stoppedServer, unreachable } from './line-outages.js';
import { delayedPackets, narrowLine, packetLoss } from './line-packets.js';
import { produceKill } from './crash-produce.js';
import { compressingProxy } from './line-proxy.js';
import { blackHole } from './line-silence.js';
import { coldSnapshot, largeRanges } from './load-answers.js';
import { fewDescriptors, reconnects, slowHeaders } from './load-connections.js';
import { followersAtHead } from './load-followers.js';
import { manyReaders, slowReaders } from './load-streams.js';

/** All rows, in the order of the table. */
export const ROWS: readonly Row[] = [
  followersAtHead,
  manyReaders,
  slowReaders,
  slowHeaders,
  largeRanges,
  coldSnapshot,
  reconnects,
  fewDescriptors,
  packetLoss,
  delayedPackets,
  narrowLine,
  blackHole,
  cutAnywhere,
  cutLines,
  unreachable,
  serverDown,
  stoppedServer,
  killedServer,
  clock,
  compressingProxy,
  kill,
  killTiles,
  powerLoss,
  fullDisk,
  damage,
  stop,
  stopHandler,
  killPoints,
  failingCalls,
  killedSnapshot,
  produceKill,
  pruneKill,
];
