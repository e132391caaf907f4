export { sseTransport, type SseTransportOptions } from './client.js';
