export { jsonRangeEndpoint, type JsonRangeEndpointOptions } from './endpoint.js';
