import type { Row } from '../row.js';
import { fullDisk } from './crash-full.js';
import { kill } from './crash-kill.js';
import { powerLoss } from './crash-power.js';
import { delayedPackets, narrowLine, packetLoss } from './line-packets.js';
import { blackHole } from './line-silence.js';

/** All rows, in the order of the table. */
export const ROWS: readonly Row[] = [
  packetLoss,
  delayedPackets,
  narrowLine,
  blackHole,
  kill,
  powerLoss,
  fullDisk,
];
