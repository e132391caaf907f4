import express from 'express';
import { settings } from './process.js';
import { serveUntilStopped } from './serve.js';

interface Settings {
  /** What was published. */
  readonly folder: string;
}

/** Serves a folder of files as any web server does, until it is told to stop. */
const { folder } = settings() as Settings;
const app = express();
app.use('/sync', express.static(folder));
await serveUntilStopped(app, () => Promise.resolve());
