import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NodeProcesses } from '@bowline/host';
import { TEST_KEY_SUBJECT } from '@bowline/os-layout';
import { describe, expect, it } from 'vitest';
import { generateTestKey } from './test-key.ts';

describe('generateTestKey', () => {
  it('makes a certificate that its own key has signed and that says it is for tests', async () => {
    const { keyPem, certificatePem } = await generateTestKey();
    const certificate = new X509Certificate(certificatePem);
    expect(certificate.subject).toBe(`CN=${TEST_KEY_SUBJECT}`);
    expect(certificate.issuer).toBe(certificate.subject);
    expect(certificate.verify(certificate.publicKey)).toBe(true);
    expect(certificate.checkPrivateKey(createPrivateKey(keyPem))).toBe(true);
    expect(certificate.ca).toBe(false);
    expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.3']);
    expect(certificate.publicKey.asymmetricKeyDetails?.modulusLength).toBe(2048);
  });

  it('makes a different one each time', async () => {
    const [one, other] = [await generateTestKey(), await generateTestKey()];
    expect(new X509Certificate(one.certificatePem).serialNumber).not.toBe(
      new X509Certificate(other.certificatePem).serialNumber,
    );
  });

  it('is read by openssl', async (ctx) => {
    const folder = await mkdtemp(join(tmpdir(), 'bowline-key-'));
    try {
      await writeFile(join(folder, 'test.crt'), (await generateTestKey()).certificatePem);
      const processes = new NodeProcesses();
      const argv = [
        'openssl',
        'verify',
        '-CAfile',
        join(folder, 'test.crt'),
        '-purpose',
        'any',
        join(folder, 'test.crt'),
      ];
      const result = await processes
        .run({ argv: argv as [string, ...string[]], timeoutMs: 10_000 })
        .catch((error: { code?: string }) => (error.code === 'PROCESS_NOT_FOUND' ? undefined : Promise.reject(error)));
      if (result === undefined) return ctx.skip('openssl is not installed');
      expect(new TextDecoder().decode(result.stdout)).toContain('OK');
    } finally {
      await rm(folder, { recursive: true });
    }
    return undefined;
  });
});
