export { sseEndpoint, type SseEndpointOptions } from './endpoint.js';
