import type { Row } from '../row.js';
import { fullDisk } from './crash-full.js';
import { kill } from './crash-kill.js';
import { powerLoss } from './crash-power.js';

/** All rows, in the order of the table. */
export const ROWS: readonly Row[] = [kill, powerLoss, fullDisk];
