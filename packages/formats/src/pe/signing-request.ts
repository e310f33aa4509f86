/** SHA-256 over the chunks in order; the caller brings it, since this package has no I/O and no `node:` modules. */
export type Sha256 = (chunks: Iterable<Uint8Array>) => Uint8Array;

/** What signing needs. */
export interface PeSigningRequest {
  image: Uint8Array;
  /** The signer's certificate, with an RSA key. */
  certificateDer: Uint8Array;
  /** Signs bytes by RSASSA-PKCS1-v1_5 with SHA-256. May ask a token; the key never comes here. */
  sign: (toBeSigned: Uint8Array) => Uint8Array | Promise<Uint8Array>;
  sha256: Sha256;
  /** Signing time to state; none makes the result depend on image and key only. */
  when?: Date;
}
