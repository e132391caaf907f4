import { createHash } from 'node:crypto';
import { parseManifest } from '../../../../plugins/transport-snapshot/manifest.js';
import type { SnapshotManifest } from '../../../contracts/index.js';
import { parseJsonObject } from '../../../internal/http/shape.js';
import { manifestMessage } from '../../../internal/snapshot-messages.js';
import { misshapen } from '../shape.js';
import { must } from '../unmet.js';
import type { Check } from './check.js';

export const manifest: Check<'manifest'> = async ({ body }, _check, { facts }) => {
  const members = parseJsonObject(body);
  const wrong = misshapen(members, 'Manifest');
  must(wrong === null, `the manifest: ${wrong ?? ''}`);
  const found = parsed(members);
  must(found.id === facts.snapshot?.id, `the manifest is that of ${found.id}`);
  must(found.height === facts.snapshot.height, 'the manifest has another height than the status says');
  must(found.signatures.length > 0, 'the manifest has no signature');
  for (const { signer, signature } of found.signatures)
    must(
      await facts.tools.signatures.verify(manifestMessage(found), signature, signer),
      `the signature of ${signer} is not right`,
    );
};

function parsed(members: unknown): SnapshotManifest {
  try {
    return parseManifest(members);
  } catch (error) {
    must(false, error instanceof Error ? error.message : '');
  }
}

export const snapshotPart: Check<'snapshot-part'> = ({ body }, _check, { facts }) => {
  const due = facts.manifest?.parts[0]?.sha256;
  must(
    createHash('sha256').update(body).digest('hex') === due,
    'the part has another hash than the manifest says',
  );
};
