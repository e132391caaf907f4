export { tileTransport, type TileTransportOptions } from './client.js';
