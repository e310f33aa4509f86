import {
  DER_TAG,
  encodeDer,
  encodeExplicit,
  encodeInteger,
  encodeNull,
  encodeObjectIdentifier,
  encodeOctets,
  encodeSequence,
  encodeSet,
  encodeUtcTime,
  sortForSet,
} from '../der/encode.ts';
import { type DerElement, readDer, readDerChildren } from '../der/read.ts';
import { FormatsError } from '../error.ts';
import type { PeSigningRequest } from './signing-request.ts';

const OID = {
  signedData: '1.2.840.113549.1.7.2',
  sha256: '2.16.840.1.101.3.4.2.1',
  rsaEncryption: '1.2.840.113549.1.1.1',
  contentType: '1.2.840.113549.1.9.3',
  messageDigest: '1.2.840.113549.1.9.4',
  signingTime: '1.2.840.113549.1.9.5',
  spcIndirectData: '1.3.6.1.4.1.311.2.1.4',
  spcPeImageData: '1.3.6.1.4.1.311.2.1.15',
} as const;

const NULL = encodeNull();

/**
 * A PKCS#7 SignedData (RFC 2315) around an SpcIndirectDataContent with the image's digest, as Authenticode wants it.
 *
 * @throws FormatsError `FORMAT_INPUT` when the certificate cannot be used.
 */
export async function encodeSignedData(
  request: Omit<PeSigningRequest, 'image'> & { digest: Uint8Array },
): Promise<Uint8Array> {
  const signer = readSigner(request.certificateDer);
  const algorithm = encodeSequence(encodeObjectIdentifier(OID.sha256), NULL);
  const content = encodeIndirectData(algorithm, request.digest);
  // The digest covers the content of the SEQUENCE, without its tag and length (RFC 2315, 9.3).
  const messageDigest = request.sha256([readDer(content).content]);
  const attributes = sortForSet([
    encodeAttribute(OID.contentType, encodeObjectIdentifier(OID.spcIndirectData)),
    ...(request.when ? [encodeAttribute(OID.signingTime, encodeUtcTime(request.when))] : []),
    encodeAttribute(OID.messageDigest, encodeOctets(messageDigest)),
  ]);
  // What is signed carries the tag of a SET; what is stored, that of the context.
  const signature = await request.sign(encodeSet(...attributes));
  const signerInfo = encodeSequence(
    encodeInteger(1),
    encodeSequence(signer.issuer.whole, signer.serial.whole),
    algorithm,
    encodeExplicit(0, ...attributes),
    encodeSequence(encodeObjectIdentifier(OID.rsaEncryption), NULL),
    encodeOctets(signature),
  );
  return encodeSequence(
    encodeObjectIdentifier(OID.signedData),
    encodeExplicit(
      0,
      encodeSequence(
        encodeInteger(1),
        encodeSet(algorithm),
        encodeSequence(encodeObjectIdentifier(OID.spcIndirectData), encodeExplicit(0, content)),
        encodeExplicit(0, signer.certificate.whole),
        encodeSet(signerInfo),
      ),
    ),
  );
}

/** SpcIndirectDataContent: SpcPeImageData without flags, whose file link says `<<<Obsolete>>>`, and the DigestInfo. */
function encodeIndirectData(algorithm: Uint8Array, digest: Uint8Array): Uint8Array {
  const obsolete = encodeBmpString('<<<Obsolete>>>');
  const fileLink = encodeExplicit(0, encodeExplicit(2, encodeDer(DER_TAG.contextPrimitive, obsolete)));
  return encodeSequence(
    encodeSequence(
      encodeObjectIdentifier(OID.spcPeImageData),
      encodeSequence(encodeDer(DER_TAG.bitString, Uint8Array.of(0)), fileLink),
    ),
    encodeSequence(algorithm, encodeOctets(digest)),
  );
}

/** Issuer and serial number of an X.509 certificate (RFC 5280, 4.1), after checking that its key is RSA. */
function readSigner(der: Uint8Array): { certificate: DerElement; issuer: DerElement; serial: DerElement } {
  const certificate = readDer(der);
  const [body] = readDerChildren(certificate);
  const fields = body ? readDerChildren(body) : [];
  // The version is optional and comes first.
  const [serial, , issuer, , , publicKey] = fields[0]?.tag === DER_TAG.context ? fields.slice(1) : fields;
  const isX509 = certificate.tag === DER_TAG.sequence && serial?.tag === DER_TAG.integer;
  if (!isX509 || issuer?.tag !== DER_TAG.sequence || !publicKey) {
    throw new FormatsError({
      code: 'FORMAT_INPUT',
      message: 'the signing certificate is not an X.509 certificate in DER',
    });
  }
  const [keyAlgorithm] = readDerChildren(publicKey);
  const identifier = keyAlgorithm && readDerChildren(keyAlgorithm)[0];
  if (!identifier || !isEqual(identifier.whole, encodeObjectIdentifier(OID.rsaEncryption))) {
    throw new FormatsError({
      code: 'FORMAT_INPUT',
      message: 'the signing certificate does not have an RSA key',
      hint: 'Firmware verifies RSA signatures only; use an RSA key of 2048 bits or more.',
    });
  }
  return { certificate, issuer, serial };
}

function encodeAttribute(type: string, value: Uint8Array): Uint8Array {
  return encodeSequence(encodeObjectIdentifier(type), encodeSet(value));
}

/** Text as UTF-16, big-endian. */
function encodeBmpString(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length * 2);
  const view = new DataView(bytes.buffer);
  for (let at = 0; at < text.length; at++) view.setUint16(at * 2, text.charCodeAt(at));
  return bytes;
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
