// Fails where files import each other in a circle, types included. Which folder may import which other one is ESLint's.
import { importCircles } from './imports/circles.js';
import { projectRoot } from './lib/project.js';

const circles = importCircles(projectRoot, ['src', 'plugins']);
for (const circle of circles) console.error(`These import each other: ${circle.join(' > ')}`);
if (circles.length > 0) process.exitCode = 1;
