import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RELEASE_KEYS_FOLDER } from '@bowline/os-layout';
import type { ReleaseSignatures } from '@bowline/spec';
import { AgentError } from '../error.ts';
import type { Machine } from '../machine/machine.ts';

/** A public key whose signatures make a release acceptable. */
export interface ReleaseKey {
  /** `sha256:...` of the key's SubjectPublicKeyInfo. */
  id: string;
  /** Name of its file, for messages. */
  name: string;
  key: KeyObject;
}

const MAX_KEYS = 64;
const MAX_KEY_BYTES = 16 * 2 ** 10;

/**
 * The keys of the running image; none when it has no folder for them. A file that is no Ed25519 key counts for nothing, and
 * when no other is left that is an error: an image that wants signatures must not take releases without.
 *
 * @throws AgentError SIGNATURE_INVALID.
 */
export async function readReleaseKeys(machine: Machine): Promise<ReleaseKey[]> {
  const folder = machine.locate(RELEASE_KEYS_FOLDER);
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return [];
    throw keysUnreadable('the folder cannot be read', error);
  });
  const files = names.filter((name) => name.endsWith('.pem')).sort();
  if (files.length > MAX_KEYS) throw keysUnreadable(`there are more than ${MAX_KEYS}`);
  const keys: ReleaseKey[] = [];
  for (const name of files) {
    const pem = await readFile(join(folder, name)).catch(() => undefined);
    const key = pem === undefined || pem.length > MAX_KEY_BYTES ? undefined : parseReleaseKey(name, pem.toString());
    if (key !== undefined) keys.push(key);
  }
  if (files.length > 0 && keys.length === 0) throw keysUnreadable(`no file of ${files.join(', ')} is an Ed25519 key`);
  return keys;
}

/** The key in a PEM text; undefined when it is not a public key of Ed25519. */
export function parseReleaseKey(name: string, pem: string): ReleaseKey | undefined {
  // A private key would do as well for Node: it has no business here.
  if (!pem.includes('-----BEGIN PUBLIC KEY-----')) return undefined;
  try {
    const key = createPublicKey(pem);
    if (key.asymmetricKeyType !== 'ed25519') return undefined;
    const der = key.export({ type: 'spki', format: 'der' });
    return { id: `sha256:${createHash('sha256').update(der).digest('hex')}`, name, key };
  } catch {
    return undefined;
  }
}

/**
 * The key that signed these bytes. Of several signatures one by a known key is enough, so that keys can be changed: sign
 * with the old one and the new one for a while. Throws AgentError SIGNATURE_INVALID, which says who signed.
 */
export function requireSignature(
  document: Uint8Array,
  signatures: ReleaseSignatures | undefined,
  keys: readonly ReleaseKey[],
  origin: string,
): ReleaseKey {
  const found = signatures?.signatures ?? [];
  const known = keys.map(({ name, id }) => `${name} (${shortId(id)})`).join(', ');
  let broken: ReleaseKey | undefined;
  for (const { keyId, signature } of found) {
    const key = keys.find(({ id }) => id === keyId);
    if (key === undefined) continue;
    const bytes = Buffer.from(signature, 'base64');
    if (bytes.length === 64 && verify(null, document, key.key, bytes)) return key;
    broken = key;
  }
  if (broken !== undefined) {
    throw refused(
      `The signature of ${origin} by the key ${broken.name} (${shortId(broken.id)}) is not one of this release: it was altered after it was signed, or the signature was taken from another one.`,
      'Build and push the release again; when it stays, somebody between you and the machine changes it.',
    );
  }
  if (found.length === 0) {
    throw refused(
      `${origin} is not signed; this machine takes releases signed by ${known}.`,
      'Sign the release when it is built.',
    );
  }
  const signers = found.map(({ keyId }) => shortId(keyId)).join(', ');
  throw refused(
    `${origin} is signed by a key that this machine does not know (${signers}); it knows ${known}.`,
    'Sign the release with one of those keys, or bring the new key with a version that is signed by an old one.',
  );
}

function shortId(id: string): string {
  return id.slice('sha256:'.length, 'sha256:'.length + 16);
}

function refused(message: string, hint: string): AgentError {
  return new AgentError({ code: 'SIGNATURE_INVALID', message, hint });
}

function keysUnreadable(why: string, cause?: unknown): AgentError {
  return new AgentError({
    code: 'SIGNATURE_INVALID',
    message: `The keys of this image cannot be read (${RELEASE_KEYS_FOLDER}): ${why}.`,
    hint: 'Put public keys of Ed25519 in PEM into upgrade.trustedKeys of the bowl.',
    cause,
  });
}
