import {
  DER_TAG,
  encodeBits,
  encodeDer,
  encodeExplicit,
  encodeInteger,
  encodeNull,
  encodeObjectIdentifier,
  encodeOctets,
  encodeSequence,
  encodeSet,
  encodeTrue,
  encodeUtcTime,
  encodeUtf8,
} from '../der/encode.ts';

/** How a certificate is signed, always over SHA-256. */
export type CertificateSignature = 'rsa' | 'ecdsa';

/** A name that a server is reached by: its DNS name, or the 4 or 16 bytes of its address. */
export type ServerName = { dns: string } | { address: Uint8Array };

/** What a certificate says, and who signs it. */
export interface SelfSignedRequest {
  /** Common name of subject and issuer. */
  subject: string;
  /** Random; its top bits are changed, so that it is a positive number of its full length. */
  serial: Uint8Array;
  /** Years 1950 to 2049. */
  validFrom: Date;
  validUntil: Date;
  /** SubjectPublicKeyInfo, DER. */
  publicKeyInfo: Uint8Array;
  purpose: 'code-signing' | 'server';
  /** For servers: all names and addresses. */
  names?: readonly ServerName[];
  signature: CertificateSignature;
  /** Signs the bytes: PKCS #1 v1.5 for RSA, a DER sequence of two numbers for ECDSA. */
  sign: (bytes: Uint8Array) => Uint8Array;
}

const SIGNATURE_ALGORITHM = {
  rsa: encodeSequence(encodeObjectIdentifier('1.2.840.113549.1.1.11'), encodeNull()),
  // Without parameters: RFC 5758, 3.2.
  ecdsa: encodeSequence(encodeObjectIdentifier('1.2.840.10045.4.3.2')),
} as const;

const PURPOSE = { 'code-signing': '1.3.6.1.5.5.7.3.3', server: '1.3.6.1.5.5.7.3.1' } as const;

/** A certificate (RFC 5280), DER, signed by its own key, that is no authority over others. */
export function encodeSelfSigned(request: SelfSignedRequest): Uint8Array {
  const algorithm = SIGNATURE_ALGORITHM[request.signature];
  const body = encodeBody(request, algorithm);
  return encodeSequence(body, algorithm, encodeBits(request.sign(body)));
}

/** TBSCertificate, RFC 5280 section 4.1. */
function encodeBody(request: SelfSignedRequest, algorithm: Uint8Array): Uint8Array {
  const serial = Uint8Array.from(request.serial);
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40;
  const name = encodeSequence(
    encodeSet(encodeSequence(encodeObjectIdentifier('2.5.4.3'), encodeUtf8(request.subject))),
  );
  return encodeSequence(
    encodeExplicit(0, encodeInteger(2)),
    encodeInteger(serial),
    algorithm,
    name,
    encodeSequence(encodeUtcTime(request.validFrom), encodeUtcTime(request.validUntil)),
    name,
    request.publicKeyInfo,
    encodeExplicit(3, encodeExtensions(request)),
  );
}

function encodeExtensions({ purpose, names = [] }: SelfSignedRequest): Uint8Array {
  const extension = (identifier: string, value: Uint8Array, ...critical: Uint8Array[]) =>
    encodeSequence(encodeObjectIdentifier(identifier), ...critical, encodeOctets(value));
  return encodeSequence(
    // Basic constraints: no certificate authority.
    extension('2.5.29.19', encodeSequence(), encodeTrue()),
    // Key usage: digitalSignature, the first of eight bits.
    extension('2.5.29.15', encodeBits(Uint8Array.of(0x80), 7), encodeTrue()),
    extension('2.5.29.37', encodeSequence(encodeObjectIdentifier(PURPOSE[purpose]))),
    ...(names.length === 0 ? [] : [extension('2.5.29.17', encodeSequence(...names.map(encodeName)))]),
  );
}

/** GeneralName: `[2]` is a DNS name, `[7]` an address. */
function encodeName(name: ServerName): Uint8Array {
  return 'dns' in name
    ? encodeDer(DER_TAG.contextPrimitive + 2, new TextEncoder().encode(name.dns))
    : encodeDer(DER_TAG.contextPrimitive + 7, name.address);
}
