import { createHash } from 'node:crypto';
import { EfiVariables, GLOBAL_GUID } from '../boot-menu/efi-variables.ts';
import type { Machine } from '../machine/machine.ts';

/** Whether the firmware would take a UKI. */
export interface SecureBootVerdict {
  /** `not-checked`: nothing says so, for or against. */
  verdict: 'off' | 'trusted' | 'not-checked';
  /** A sentence. */
  why: string;
}

const SECURITY_GUID = 'd719b2cb-3d3a-4596-a3bc-dad00e67656f';
const MAX_SCAN_BYTES = 2 ** 20;

/**
 * Compares the certificate of the new UKI with those the firmware has in `db`, and with that of the UKI the machine runs
 * (`runningSignature`, its PKCS#7). A certificate that is in neither may still be vouched for by one that is.
 */
export async function judgeSecureBoot(
  machine: Machine,
  signer: string | undefined,
  runningSignature: Uint8Array | undefined,
): Promise<SecureBootVerdict> {
  const variables = new EfiVariables(machine);
  const enabled = await variables.read('SecureBoot', GLOBAL_GUID).catch(() => undefined);
  if (enabled === undefined) return { verdict: 'off', why: 'This machine has no Secure Boot.' };
  if (enabled[0] !== 1) return { verdict: 'off', why: 'Secure Boot is switched off.' };
  if (signer === undefined) {
    return { verdict: 'not-checked', why: 'Secure Boot is on, and the release does not say who signed its UKI.' };
  }
  const fingerprint = signer
    .replace(/^sha256:/, '')
    .replaceAll(':', '')
    .toLowerCase();
  const db = await variables.read('db', SECURITY_GUID).catch(() => undefined);
  if (db !== undefined && holdsCertificate(db, fingerprint)) {
    return { verdict: 'trusted', why: 'Its UKI is signed with a certificate that the firmware knows.' };
  }
  if (runningSignature !== undefined && holdsCertificate(runningSignature, fingerprint)) {
    return { verdict: 'trusted', why: 'Its UKI is signed with the same certificate as the one that runs.' };
  }
  return {
    verdict: 'not-checked',
    why: `Secure Boot is on; the certificate ${fingerprint.slice(0, 16)} of its UKI is not one the firmware knows by itself.`,
  };
}

/** Whether bytes hold a certificate with this fingerprint: every DER sequence of a certificate's size is hashed. */
function holdsCertificate(bytes: Uint8Array, fingerprint: string): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // SEQUENCE with a length of two bytes (X.690, 8.1.3.5): 256 to 65535, as certificates have.
  for (let at = 0; at + 4 <= Math.min(bytes.length, MAX_SCAN_BYTES); at += 1) {
    if (bytes[at] !== 0x30 || bytes[at + 1] !== 0x82) continue;
    const end = at + 4 + view.getUint16(at + 2);
    if (end > bytes.length) continue;
    if (createHash('sha256').update(bytes.subarray(at, end)).digest('hex') === fingerprint) return true;
  }
  return false;
}
