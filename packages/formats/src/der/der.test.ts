import { createPublicKey, generateKeyPairSync, sign, X509Certificate } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeSelfSigned } from '../x509/self-signed.ts';
import {
  encodeBits,
  encodeDer,
  encodeExplicit,
  encodeInteger,
  encodeNull,
  encodeObjectIdentifier,
  encodeOctets,
  encodeTrue,
  encodeUtcTime,
  encodeUtf8,
} from './encode.ts';
import { readDer, readDerChildren } from './read.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

describe('DER', () => {
  it.each<[what: string, bytes: Uint8Array, expected: string]>([
    ['zero', encodeInteger(0), '020100'],
    ['127', encodeInteger(127), '02017f'],
    ['128, which must not be negative', encodeInteger(128), '02020080'],
    ['a number with zeros before it', encodeInteger(Uint8Array.of(0, 0, 1, 0)), '02020100'],
    ['zeros alone', encodeInteger(Uint8Array.of(0, 0)), '020100'],
    ['an identifier with large parts', encodeObjectIdentifier('1.2.840.113549'), '06062a864886f70d'],
    ['text', encodeUtf8('é'), '0c02c3a9'],
    ['a time', encodeUtcTime(new Date('2049-12-31T23:59:59.999Z')), `170d${hex(Buffer.from('491231235959Z'))}`],
    ['true', encodeTrue(), '0101ff'],
    ['null', encodeNull(), '0500'],
    ['bits', encodeBits(Uint8Array.of(0x80), 7), '03020780'],
    ['octets inside of a context', encodeExplicit(3, encodeOctets(Uint8Array.of(1))), 'a303040101'],
    ['a long one', encodeOctets(new Uint8Array(200)), `0481c8${'00'.repeat(200)}`],
    ['a longer one', encodeOctets(new Uint8Array(70_000)), `0483011170${'00'.repeat(70_000)}`],
  ])('writes %s', (_what, bytes, expected) => {
    expect(hex(bytes)).toBe(expected);
  });

  it('is read back as it was written', () => {
    const parts = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 20 });
    fc.assert(
      fc.property(parts, (contents) => {
        const whole = encodeDer(0x30, ...contents.map((content) => encodeOctets(content)));
        const found = readDerChildren(readDer(whole)).map(({ content }) => hex(content));
        expect(found).toEqual(contents.map(hex));
      }),
    );
  });
});

describe('a certificate that its own key signs', () => {
  const keys = {
    rsa: generateKeyPairSync('rsa', { modulusLength: 2048 }),
    ecdsa: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  };
  it.each(['rsa', 'ecdsa'] as const)('is one to others: %s', (signature) => {
    const { privateKey, publicKey } = keys[signature];
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 20 }),
        fc.date({ min: new Date('1950-01-02'), max: new Date('2049-12-30'), noInvalidDate: true }),
        fc.uint8Array({ minLength: 4, maxLength: 4 }),
        (serial, validFrom, address) => {
          const der = encodeSelfSigned({
            subject: 'Ärger, o="x"',
            serial,
            validFrom,
            validUntil: new Date('2049-12-31T00:00:00Z'),
            publicKeyInfo: publicKey.export({ type: 'spki', format: 'der' }),
            purpose: 'server',
            names: [{ dns: 'edge.example' }, { address }],
            signature,
            sign: (bytes) => sign('sha256', bytes, privateKey),
          });
          const certificate = new X509Certificate(der);
          expect(certificate.verify(createPublicKey(privateKey))).toBe(true);
          expect(certificate.serialNumber).toHaveLength(serial.length * 2);
          expect(new Date(certificate.validFrom).getTime()).toBe(Math.floor(validFrom.getTime() / 1000) * 1000);
          expect(certificate.checkIP(address.join('.'))).toBe(address.join('.'));
          expect(certificate.checkHost('edge.example')).toBe('edge.example');
          // Basic constraints, purpose and names, each read whole.
          expect(certificate.ca).toBe(false);
          expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
        },
      ),
      { numRuns: 40 },
    );
  });
});
