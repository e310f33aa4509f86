import { generateKeyPair, randomBytes, sign } from 'node:crypto';
import { promisify } from 'node:util';
import { TEST_KEY_SUBJECT } from '@bowline/os-layout';
import {
  derBits,
  derExplicit,
  derInteger,
  derNull,
  derOctets,
  derOid,
  derSequence,
  derSetOf,
  derText,
  derTime,
  derTrue,
} from './der.ts';

const RSA_BITS = 2048;
/** Firmware does not look at these dates; fixed ones keep a wrong clock from making a key unusable. */
const VALID_FROM = new Date('2026-01-01T00:00:00Z');
const VALID_UNTIL = new Date('2049-12-31T23:59:59Z');

const SHA256_WITH_RSA = derSequence(derOid('1.2.840.113549.1.1.11'), derNull());

/** A private key (PKCS #8) and its certificate, both PEM. */
export interface TestKey {
  keyPem: string;
  certificatePem: string;
}

/** Makes a new RSA-2048 key and a certificate signed by itself that says it is for tests. */
export async function generateTestKey(): Promise<TestKey> {
  const { privateKey, publicKey } = await promisify(generateKeyPair)('rsa', { modulusLength: RSA_BITS });
  const body = certificateBody(publicKey.export({ type: 'spki', format: 'der' }));
  const signature = sign('sha256', body, privateKey);
  const certificate = derSequence(body, SHA256_WITH_RSA, derBits(signature));
  return {
    keyPem: String(privateKey.export({ type: 'pkcs8', format: 'pem' })),
    certificatePem: pem('CERTIFICATE', certificate),
  };
}

/** TBSCertificate, RFC 5280 section 4.1. */
function certificateBody(publicKeyInfo: Uint8Array): Uint8Array {
  const serial = randomBytes(16);
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40;
  const name = derSequence(derSetOf(derSequence(derOid('2.5.4.3'), derText(TEST_KEY_SUBJECT))));
  return derSequence(
    derExplicit(0, derInteger(Uint8Array.of(2))),
    derInteger(serial),
    SHA256_WITH_RSA,
    name,
    derSequence(derTime(VALID_FROM), derTime(VALID_UNTIL)),
    name,
    publicKeyInfo,
    derExplicit(3, extensions()),
  );
}

function extensions(): Uint8Array {
  const critical = (oid: string, value: Uint8Array) => derSequence(derOid(oid), derTrue(), derOctets(value));
  const plain = (oid: string, value: Uint8Array) => derSequence(derOid(oid), derOctets(value));
  return derSequence(
    // No certificate authority.
    critical('2.5.29.19', derSequence()),
    // Key usage: digitalSignature, the first of eight bits.
    critical('2.5.29.15', derBits(Uint8Array.of(0x80), 7)),
    // Extended key usage: code signing.
    plain('2.5.29.37', derSequence(derOid('1.3.6.1.5.5.7.3.3'))),
  );
}

function pem(label: string, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
}
