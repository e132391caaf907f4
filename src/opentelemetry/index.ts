export { observeMetrics } from './observe-metrics.js';
export { traceEngine } from './trace-engine.js';
