export { sseTransport, type SseTransportOptions } from './client.js';
export { sseEndpoint } from './endpoint.js';
