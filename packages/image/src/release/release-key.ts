import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Digest } from '@bowline/host';
import { formatReleasePart, type ReleaseSignatures } from '@bowline/spec';
import { ImageError } from '../error.ts';

/** Signs releases. */
export interface ReleaseKey {
  keyId: Digest;
  /** The document of signatures over the exact bytes of a release document. */
  sign(document: Uint8Array): Uint8Array;
}

/** A key whose signatures count. */
export interface TrustedKey {
  keyId: Digest;
  /** Where it was read from, for messages. */
  path: string;
  key: KeyObject;
}

/**
 * Reads an Ed25519 private key (PEM, PKCS #8) that releases are signed with.
 *
 * @throws ImageError KEYS_INVALID; its message holds nothing of the key
 */
export async function openReleaseKey(path: string): Promise<ReleaseKey> {
  const pem = await readKey(path);
  const key = ed25519(path, 'private', () => createPrivateKey(pem));
  const keyId = releaseKeyId(createPublicKey(key));
  return {
    keyId,
    sign: (document) => {
      const signature = sign(null, document, key).toString('base64');
      const signatures: ReleaseSignatures = {
        signaturesVersion: 1,
        signatures: [{ keyId, algorithm: 'ed25519', signature }],
      };
      return new TextEncoder().encode(formatReleasePart(signatures));
    },
  };
}

/** Reads an Ed25519 public key (PEM). Throws ImageError KEYS_INVALID. */
export async function openTrustedKey(path: string): Promise<TrustedKey> {
  const pem = await readKey(path);
  if (pem.includes('PRIVATE KEY')) {
    throw invalid(`${path} is a private key; releases are checked with the public one`, undefined);
  }
  const key = ed25519(path, 'public', () => createPublicKey(pem));
  return { keyId: releaseKeyId(key), path, key };
}

/** Name of a key: sha256 of its SubjectPublicKeyInfo in DER. */
export function releaseKeyId(publicKey: KeyObject): Digest {
  const der = publicKey.export({ type: 'spki', format: 'der' });
  return `sha256:${createHash('sha256').update(der).digest('hex')}`;
}

/** True when one of the signatures over these bytes is by this key. */
export function isSignedBy(document: Uint8Array, signatures: ReleaseSignatures, trusted: TrustedKey): boolean {
  return signatures.signatures.some(
    ({ keyId, signature }) =>
      keyId === trusted.keyId && verify(null, document, trusted.key, Buffer.from(signature, 'base64')),
  );
}

async function readKey(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((cause: unknown) => {
    throw invalid(`cannot read the release key ${path}`, cause);
  });
}

function ed25519(path: string, noun: 'private' | 'public', read: () => KeyObject): KeyObject {
  let key: KeyObject;
  try {
    key = read();
  } catch {
    // The parser's message may quote the file.
    throw invalid(`${path} is not a ${noun} key in PEM`, undefined);
  }
  if (key.asymmetricKeyType === 'ed25519') return key;
  throw invalid(
    `${path} is a key for ${key.asymmetricKeyType ?? 'something else'}; releases are signed with Ed25519`,
    undefined,
  );
}

function invalid(message: string, cause: unknown): ImageError {
  return new ImageError({
    code: 'KEYS_INVALID',
    message,
    hint: 'make a pair with `bowline keys generate FOLDER --release`',
    cause,
  });
}
