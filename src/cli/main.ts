#!/usr/bin/env node
import { main } from './program.js';
import { keepYoungGenerationSmall } from './young-generation.js';

keepYoungGenerationSmall();
process.exitCode = await main(process.argv.slice(2));
