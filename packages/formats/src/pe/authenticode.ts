import { alignUp, ByteReader, concatBytes } from '../byte-reader.ts';
import { FormatsError } from '../error.ts';
import { computePeChecksum } from './checksum.ts';
import { type PeImage, parsePe } from './image.ts';
import { encodeSignedData } from './signed-data.ts';
import type { PeSigningRequest, Sha256 } from './signing-request.ts';

/** A WIN_CERTIFICATE of an image. */
export interface PeCertificate {
  /** 0x0200. */
  revision: number;
  /** 2 is a PKCS#7 SignedData. */
  type: number;
  data: Uint8Array;
}

const PKCS7_TYPE = 2;
const WIN_CERTIFICATE_HEADER = 8;
const MAX_CERTIFICATES = 64;

/**
 * The Authenticode digest of a PE image (Microsoft, "Windows Authenticode Portable Executable Signature Format"):
 * everything but the checksum, the directory entry of the certificates and the certificates.
 *
 * @throws FormatsError `FORMAT_UNSUPPORTED` when the sections do not follow one another without gaps, since then
 *   verifiers disagree about what to hash; those of {@link parsePe}.
 */
export function authenticodeHash(bytes: Uint8Array, sha256: Sha256): Uint8Array {
  const image = parsePe(bytes);
  checkContiguous(image, bytes);
  const end = image.certificates?.offset ?? bytes.length;
  return sha256([
    bytes.subarray(0, image.checksumOffset),
    bytes.subarray(image.checksumOffset + 4, image.certificateEntryOffset),
    bytes.subarray(image.certificateEntryOffset + 8, end),
    new Uint8Array(alignUp(end, 8) - end),
  ]);
}

/**
 * Signs a PE image for UEFI Secure Boot. Signatures that it already has are kept, the new one comes last.
 *
 * @throws FormatsError `FORMAT_INPUT` when the certificate has no RSA key; those of {@link authenticodeHash}.
 */
export async function signPe(request: PeSigningRequest): Promise<Uint8Array<ArrayBuffer>> {
  const { sha256 } = request;
  const digest = authenticodeHash(request.image, sha256);
  const { certificates, certificateEntryOffset, checksumOffset } = parsePe(request.image);
  const signature = await encodeSignedData({ ...request, digest });
  const entry = new Uint8Array(alignUp(WIN_CERTIFICATE_HEADER + signature.length, 8));
  const entryView = new DataView(entry.buffer);
  entryView.setUint32(0, entry.length, true);
  entryView.setUint16(4, 0x0200, true);
  entryView.setUint16(6, PKCS7_TYPE, true);
  entry.set(signature, WIN_CERTIFICATE_HEADER);

  const padding = new Uint8Array(alignUp(request.image.length, 8) - request.image.length);
  const signed = concatBytes([request.image, padding, entry]);
  const view = new DataView(signed.buffer);
  const offset = certificates?.offset ?? request.image.length + padding.length;
  view.setUint32(certificateEntryOffset, offset, true);
  view.setUint32(certificateEntryOffset + 4, signed.length - offset, true);
  view.setUint32(checksumOffset, computePeChecksum(signed, checksumOffset), true);
  return signed;
}

/**
 * The certificates (signatures) of an image; nothing is verified.
 *
 * @throws FormatsError `FORMAT_INVALID`, `FORMAT_LIMIT`; those of {@link parsePe}.
 */
export function listPeCertificates(bytes: Uint8Array): PeCertificate[] {
  const place = parsePe(bytes).certificates;
  if (!place) return [];
  const reader = new ByteReader(bytes.subarray(place.offset, place.offset + place.sizeBytes), 'PE certificate table');
  const found: PeCertificate[] = [];
  for (let at = 0; at + WIN_CERTIFICATE_HEADER <= reader.length; ) {
    const length = reader.u32(at);
    if (length < WIN_CERTIFICATE_HEADER) {
      throw new FormatsError({ code: 'FORMAT_INVALID', message: `PE certificate table: an entry of ${length} bytes` });
    }
    if (found.length >= MAX_CERTIFICATES) {
      throw new FormatsError({
        code: 'FORMAT_LIMIT',
        message: `PE certificate table: more than ${MAX_CERTIFICATES} entries`,
      });
    }
    found.push({
      revision: reader.u16(at + 4),
      type: reader.u16(at + 6),
      data: reader.slice(at + WIN_CERTIFICATE_HEADER, length - WIN_CERTIFICATE_HEADER),
    });
    at += alignUp(length, 8);
  }
  return found;
}

function checkContiguous(image: PeImage, bytes: Uint8Array): void {
  let end = image.sizeOfHeaders;
  const stored = image.sections.filter((section) => section.storedSize > 0);
  for (const { name, fileOffset, storedSize } of stored.toSorted((a, b) => a.fileOffset - b.fileOffset)) {
    if (fileOffset !== end) {
      throw new FormatsError({
        code: 'FORMAT_UNSUPPORTED',
        message: `PE image: the section ${name} starts at ${fileOffset}, not at ${end} where the part before it ends`,
      });
    }
    end += storedSize;
  }
  const { certificates } = image;
  if (!certificates) return;
  const { offset, sizeBytes } = certificates;
  if (offset >= end && offset % 8 === 0 && offset + sizeBytes === bytes.length) return;
  throw new FormatsError({
    code: 'FORMAT_INVALID',
    message: 'PE image: its signatures are not at the end of the file, or not at a multiple of 8 bytes',
  });
}
