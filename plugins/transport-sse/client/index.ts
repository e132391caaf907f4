export { sseTransport } from './client.js';
