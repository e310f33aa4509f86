import { readFile } from 'node:fs/promises';
import { AgentError } from '../error.ts';
import type { Machine } from '../machine/machine.ts';

/** Where systems keep the authorities they trust; the first that exists counts. */
const BUNDLES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
  '/etc/ssl/cert.pem',
] as const;

let trustedBundle: string | undefined;

/**
 * Makes this process trust the authorities of the machine, private ones included; where the machine has none, those
 * that come with the agent. Throws AgentError DOWNLOAD_FAILED when somebody switched verification off for the process.
 */
export async function trustMachineCertificates(machine: Machine): Promise<void> {
  if (process.env['NODE_TLS_REJECT_UNAUTHORIZED'] === '0') {
    throw new AgentError({
      code: 'DOWNLOAD_FAILED',
      message: 'NODE_TLS_REJECT_UNAUTHORIZED=0 would switch off the verification of certificates',
      hint: 'Remove that variable; a private authority belongs into the image (/etc/ssl/certs).',
    });
  }
  for (const path of BUNDLES) {
    const bundle = await readFile(machine.locate(path), 'utf8').catch(() => '');
    if (!bundle.includes('-----BEGIN CERTIFICATE-----')) continue;
    if (bundle === trustedBundle) return;
    const { setDefaultCACertificates } = await import('node:tls');
    try {
      setDefaultCACertificates(splitCertificates(bundle));
      trustedBundle = bundle;
      return;
    } catch {
      // Broken: the next one, or those that come with the agent.
    }
  }
}

function splitCertificates(bundle: string): string[] {
  return bundle.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? [];
}
