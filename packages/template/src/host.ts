/** What functions such as `now`, `randAlphaNum` and `sha256sum` need from outside; this package is pure. */
export interface TemplateHost {
  now(): Date;
  randomBytes(length: number): Uint8Array;
  hash(algorithm: 'sha1' | 'sha256' | 'sha512', bytes: Uint8Array): Uint8Array;
  env(name: string): string | undefined;
}
