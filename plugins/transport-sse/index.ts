export { sseTransport, type SseTransportOptions } from './client.js';
export { sseEndpoint, type SseEndpointOptions } from './endpoint.js';
