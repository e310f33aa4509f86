import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NodeProcesses } from '@bowline/host';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeServerCertificate } from './server-certificate.ts';

const NAMES = ['edge-7', '192.0.2.17', '2001:db8::a:1', 'fe80::1%eth0', '::ffff:198.51.100.2'];

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bowline-certificate-'));
});
afterEach(() => rm(folder, { recursive: true }));

/** What openssl(1) says; undefined where it is not installed. */
async function openssl(...args: string[]): Promise<string | undefined> {
  try {
    const { stdout } = await new NodeProcesses().run({ argv: ['openssl', ...args], timeoutMs: 20_000 });
    return new TextDecoder().decode(stdout);
  } catch (error) {
    if ((error as { code?: string }).code === 'PROCESS_NOT_FOUND') return undefined;
    throw error;
  }
}

describe('the certificate of the page', () => {
  it('is one that Node reads: names, addresses, purpose, its own signature', async () => {
    const { certificatePem, keyPem, fingerprint } = await makeServerCertificate({ subject: 'Bowline', names: NAMES });
    const certificate = new X509Certificate(certificatePem);
    expect(certificate.subject).toBe('CN=Bowline');
    expect(certificate.verify(certificate.publicKey)).toBe(true);
    expect(certificate.checkPrivateKey(createPrivateKey(keyPem))).toBe(true);
    expect(certificate.publicKey.asymmetricKeyDetails).toEqual({ namedCurve: 'prime256v1' });
    expect(certificate.ca).toBe(false);
    expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
    expect(certificate.subjectAltName?.replaceAll(':0:', '::')).toContain('DNS:edge-7, IP Address:192.0.2.17');
    for (const address of ['192.0.2.17', '2001:db8::a:1', 'fe80::1']) {
      expect(certificate.checkIP(address), address).toBe(address);
    }
    expect(certificate.checkIP('192.0.2.18')).toBeUndefined();
    expect(certificate.checkHost('edge-7')).toBe('edge-7');
    expect(fingerprint).toMatch(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/);
  });

  it('is valid on a machine whose clock stands at the time of the build', async () => {
    const certificate = new X509Certificate((await makeServerCertificate({ subject: 'a', names: [] })).certificatePem);
    expect(new Date(certificate.validFrom).getUTCFullYear()).toBe(2020);
    expect(new Date(certificate.validTo).getUTCFullYear()).toBe(2049);
    expect(certificate.subjectAltName).toBeUndefined();
  });

  it('is another one at every start', async () => {
    const made = await Promise.all([1, 2].map(() => makeServerCertificate({ subject: 'a', names: ['a'] })));
    expect(new Set(made.map(({ fingerprint }) => fingerprint)).size).toBe(2);
  });

  it('is read and verified by openssl, with the same fingerprint', async (ctx) => {
    const { certificatePem, fingerprint } = await makeServerCertificate({ subject: 'Bowline', names: NAMES });
    const file = join(folder, 'server.crt');
    await writeFile(file, certificatePem);
    const shown = await openssl('x509', '-in', file, '-noout', '-fingerprint', '-sha256', '-text');
    if (shown === undefined) return ctx.skip('openssl is not installed');
    expect(shown).toContain(`ingerprint=${fingerprint}`);
    expect(shown).toMatch(/Signature Algorithm: ecdsa-with-SHA256/);
    expect(shown).toMatch(/IP Address:2001:DB8:0:0:0:0:A:1/);
    expect(shown).toMatch(/TLS Web Server Authentication/);
    expect(await openssl('verify', '-CAfile', file, '-purpose', 'sslserver', file)).toContain('OK');
    return undefined;
  });
});
