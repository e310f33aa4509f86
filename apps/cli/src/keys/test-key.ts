import { generateKeyPair, randomBytes, sign } from 'node:crypto';
import { promisify } from 'node:util';
import { encodeSelfSigned } from '@bowline/formats';
import { TEST_KEY_SUBJECT } from '@bowline/os-layout';

const RSA_BITS = 2048;
/** Firmware does not look at these dates; fixed ones keep a wrong clock from making a key unusable. */
const VALID_FROM = new Date('2026-01-01T00:00:00Z');
const VALID_UNTIL = new Date('2049-12-31T23:59:59Z');

/** A private key (PKCS #8) and its certificate, both PEM. */
export interface TestKey {
  keyPem: string;
  certificatePem: string;
}

/** Makes a new RSA-2048 key and a certificate signed by itself that says it is for tests. */
export async function generateTestKey(): Promise<TestKey> {
  const { privateKey, publicKey } = await promisify(generateKeyPair)('rsa', { modulusLength: RSA_BITS });
  const certificate = encodeSelfSigned({
    subject: TEST_KEY_SUBJECT,
    serial: randomBytes(16),
    validFrom: VALID_FROM,
    validUntil: VALID_UNTIL,
    publicKeyInfo: publicKey.export({ type: 'spki', format: 'der' }),
    purpose: 'code-signing',
    signature: 'rsa',
    sign: (bytes) => sign('sha256', bytes, privateKey),
  });
  return {
    keyPem: String(privateKey.export({ type: 'pkcs8', format: 'pem' })),
    certificatePem: pem('CERTIFICATE', certificate),
  };
}

function pem(label: string, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
}
