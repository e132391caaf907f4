export { jsonRangeEndpoint, type JsonRangeEndpointOptions } from './endpoint.js';
export { jsonRangeTransport, type JsonRangeTransportOptions } from './client.js';
