#!/usr/bin/env node
import { main } from './program.js';
import { keepHeapSmall } from './small-heap.js';

keepHeapSmall();
process.exitCode = await main(process.argv.slice(2));
