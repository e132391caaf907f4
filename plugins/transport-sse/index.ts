export { sseTransport } from './client.js';
export { sseEndpoint } from './endpoint.js';
