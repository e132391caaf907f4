// Downloads a snapshot into a directory until it is killed or done; prints the bytes an earlier run had left at the end.
import { writeSync } from 'node:fs';
import { client, download } from './snapshot-client-support.js';

const [url = '', directory = ''] = process.argv.slice(2);
const peer = { url, headers: {} };
const transport = client({ connections: 2 });
const { signal } = new AbortController();
const begun = await transport.begun(directory);
const manifest = begun ?? (await transport.manifest(peer, { type: 'recent', codecs: ['gzip'] }, { signal }));
if (manifest === null) throw new Error('There is no snapshot.');
const { error, progress } = await download(manifest, [peer], { client: transport, directory });
if (error !== null) throw error;
writeSync(1, JSON.stringify({ begun: begun !== null, ...progress.at(-1) }));
