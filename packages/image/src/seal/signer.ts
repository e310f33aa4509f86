import { createHash, createPrivateKey, sign, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { signPe } from '@bowline/formats';
import { TEST_KEY_SUBJECT } from '@bowline/os-layout';
import { ImageError } from '../error.ts';

/** Signs PE images for Secure Boot. */
export interface Signer {
  /** sha256 of the certificate (DER), lower-case hex: goes into the image ID. */
  fingerprint: string;
  sign(image: Uint8Array): Promise<Uint8Array>;
}

/**
 * A signer from PEM files. Everything is checked before any work: readable, an RSA key, and the key of that certificate.
 *
 * @throws ImageError KEYS_INVALID
 */
export async function openSigner(keys: { key: string; certificate: string }, debug: boolean): Promise<Signer> {
  const invalid = (message: string, cause?: unknown): ImageError =>
    new ImageError({ code: 'KEYS_INVALID', message, hint: 'make a pair with `bowline keys generate`', cause });
  const read = (path: string): Promise<Buffer> =>
    readFile(path).catch((cause: unknown) => {
      throw invalid(`cannot read ${path}`, cause);
    });
  const [keyPem, certificatePem] = [await read(keys.key), await read(keys.certificate)];
  try {
    const key = createPrivateKey(keyPem);
    const certificate = new X509Certificate(certificatePem);
    if (key.asymmetricKeyType !== 'rsa') throw invalid(`${keys.key} is not an RSA key; firmware takes no other`);
    if (!certificate.checkPrivateKey(key)) throw invalid(`${keys.key} is not the key of ${keys.certificate}`);
    if (debug && certificate.subject !== `CN=${TEST_KEY_SUBJECT}`) {
      throw new ImageError({
        code: 'KEYS_INVALID',
        message: `a debug image opens a root shell, so it is signed with test keys only; ${keys.certificate} is not one`,
        hint: 'make a pair with `bowline keys generate DIR --test`, or build without --debug',
      });
    }
    const certificateDer = new Uint8Array(certificate.raw);
    return {
      fingerprint: createHash('sha256').update(certificateDer).digest('hex'),
      sign: (image) =>
        signPe({
          image,
          certificateDer,
          sign: (bytes) => sign('sha256', bytes, key),
          sha256: (chunks) => {
            const hash = createHash('sha256');
            for (const chunk of chunks) hash.update(chunk);
            return hash.digest();
          },
        }),
    };
  } catch (error) {
    if (error instanceof ImageError) throw error;
    throw invalid(`${keys.key} or ${keys.certificate} is not a PEM file of a key and its certificate`, error);
  }
}
