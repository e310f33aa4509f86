import { generateKeyPair } from 'node:crypto';
import { promisify } from 'node:util';

/** A key pair that releases are signed with, and what its public half is called in signatures. */
export interface ReleaseKeyPair {
  /** PKCS #8. */
  keyPem: string;
  /** SubjectPublicKeyInfo. */
  publicKeyPem: string;
  keyId: string;
}

/** Makes a new Ed25519 key pair (RFC 8032). */
export async function generateReleaseKey(): Promise<ReleaseKeyPair> {
  const { releaseKeyId } = await import('@bowline/image');
  const { privateKey, publicKey } = await promisify(generateKeyPair)('ed25519');
  return {
    keyPem: String(privateKey.export({ type: 'pkcs8', format: 'pem' })),
    publicKeyPem: String(publicKey.export({ type: 'spki', format: 'pem' })),
    keyId: releaseKeyId(publicKey),
  };
}
