export { jsonRangeTransport, type JsonRangeTransportOptions } from './client.js';
