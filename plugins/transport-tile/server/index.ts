export { tileEndpoint } from './endpoint.js';
