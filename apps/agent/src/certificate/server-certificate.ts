import { generateKeyPair, randomBytes, sign, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { promisify } from 'node:util';
import { encodeSelfSigned, type ServerName } from '@bowline/formats';

/** The clock of a machine without battery may stand years behind; a certificate that is not yet valid helps nobody. */
const VALID_FROM = new Date('2020-01-01T00:00:00Z');
const VALID_UNTIL = new Date('2049-12-31T23:59:59Z');

/** A key and its certificate, PEM; for one run of one server. */
export interface ServerCertificate {
  keyPem: string;
  certificatePem: string;
  /** SHA-256 of the certificate as browsers show it: 32 bytes in hex, capital letters, with colons. */
  fingerprint: string;
}

/**
 * Makes a new ECDSA P-256 key, and a certificate for a server with these names and addresses, signed by the key itself.
 * People compare the fingerprint; no authority vouches for a machine that has no name yet.
 */
export async function makeServerCertificate(options: {
  subject: string;
  names: readonly string[];
}): Promise<ServerCertificate> {
  const { privateKey, publicKey } = await promisify(generateKeyPair)('ec', { namedCurve: 'P-256' });
  const der = encodeSelfSigned({
    subject: options.subject,
    serial: randomBytes(16),
    validFrom: VALID_FROM,
    validUntil: VALID_UNTIL,
    publicKeyInfo: publicKey.export({ type: 'spki', format: 'der' }),
    purpose: 'server',
    names: options.names.map(readName),
    signature: 'ecdsa',
    sign: (bytes) => sign('sha256', bytes, privateKey),
  });
  const certificate = new X509Certificate(der);
  return {
    keyPem: String(privateKey.export({ type: 'pkcs8', format: 'pem' })),
    certificatePem: certificate.toString(),
    fingerprint: certificate.fingerprint256,
  };
}

function readName(name: string): ServerName {
  const kind = isIP(name);
  if (kind === 0) return { dns: name };
  return { address: kind === 4 ? Uint8Array.from(name.split('.').map(Number)) : ipv6Bytes(name) };
}

/** The 16 bytes of an IPv6 address; a zone is left out. */
function ipv6Bytes(text: string): Uint8Array {
  // The URL parser writes every form, also with IPv4 at the end, as groups of hex digits.
  const canonical = new URL(`http://[${text.replace(/%.*/, '')}]/`).hostname.slice(1, -1);
  const [left = '', right] = canonical.split('::');
  const head = groups(left);
  const tail = groups(right ?? '');
  const zeros = right === undefined ? 0 : 8 - head.length - tail.length;
  const all = [...head, ...Array.from({ length: zeros }, () => 0), ...tail];
  return Uint8Array.from(all.flatMap((group) => [group >> 8, group & 0xff]));
}

function groups(text: string): number[] {
  return text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
}
